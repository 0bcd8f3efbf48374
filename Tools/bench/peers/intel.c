// Preloaded under PyTorch: MKL takes every processor for one of Intel's.
//
// On others MKL keeps to AVX2 even where they have AVX-512, which costs half its speed there. Its users know
// the trick.
int mkl_serv_intel_cpu(void) { return 1; }
int mkl_serv_intel_cpu_true(void) { return 1; }
