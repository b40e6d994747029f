//go:build loadable

// Command lib is nearlite.so: see package loadable.
package main

import "C"

import _ "github.com/nearlite/nearlite/sqlext/loadable"

func main() {}
