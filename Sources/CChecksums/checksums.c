#include "checksums.h"

static uint32_t update(uint32_t polynomial, uint32_t crc, const void *bytes, size_t count) {
  const uint8_t *byte = bytes;
  crc = ~crc;
  for (size_t index = 0; index < count; index++) {
    crc ^= byte[index];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (polynomial & -(crc & 1));
  }
  return ~crc;
}

uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count) {
  return update(UINT32_C(0xEDB88320), crc, bytes, count);
}

uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return update(UINT32_C(0x82F63B78), crc, bytes, count);
}
