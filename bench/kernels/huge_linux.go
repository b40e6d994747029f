package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugeBlock returns memory that the system may map with pages of 2 MiB, so
// that a random row rarely misses the address translation too.
func hugeBlock(size int) ([]byte, error) {
	const page = 2 << 20
	mem, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes: %w", size, err)
	}
	mem = mem[-uintptr(unsafe.Pointer(&mem[0]))&(page-1):][:size&^63]
	if err := unix.Madvise(mem, unix.MADV_HUGEPAGE); err != nil {
		return nil, fmt.Errorf("madvise: %w", err)
	}
	return mem, nil
}
