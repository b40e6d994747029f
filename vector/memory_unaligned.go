//go:build 386 || amd64 || arm64 || ppc64le || s390x || wasm

package vector

// unalignedLoads says that numbers may be loaded from any address.
const unalignedLoads = true
