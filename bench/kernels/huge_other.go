//go:build !linux

package main

import "errors"

// hugeBlock is for Linux only.
func hugeBlock(int) ([]byte, error) { return nil, errors.New("-huge needs Linux") }
