#pragma once
#include <stddef.h>
#include <stdint.h>

/// The CRC-32 of zip files (reflected polynomial 0xEDB88320) of `bytes` that follow others with the checksum `crc`;
/// 0 to begin with.
uint32_t checksum_crc32(uint32_t crc, const void *bytes, size_t count);

/// The CRC-32C of Castagnoli (reflected polynomial 0x82F63B78) of `bytes` that follow others with the checksum `crc`;
/// 0 to begin with.
uint32_t checksum_crc32c(uint32_t crc, const void *bytes, size_t count);

/// As `checksum_crc32`, in plain C: what processors without instructions for it run.
uint32_t checksum_crc32_portable(uint32_t crc, const void *bytes, size_t count);

/// As `checksum_crc32c`, in plain C: what processors without instructions for it run.
uint32_t checksum_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
