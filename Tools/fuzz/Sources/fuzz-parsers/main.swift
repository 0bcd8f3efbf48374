// Feeds one parser with what libFuzzer makes up. FUZZ_TARGET names the parser; without it, the names are printed.
// The arguments are libFuzzer's: folders of inputs, or files to run once.
import CFuzzing
import Glibc

guard let chosen = FuzzTarget.chosen else {
  for target in FuzzTarget.all { print(target.name) }
  exit(FuzzTarget.chosenName == nil ? 0 : 64)
}
chosen.prepare()
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { start, count in
    FuzzTarget.chosen?.run(on: UnsafeRawBufferPointer(start: start, count: count))
    return 0
  })
