//go:build !linux

package main

import "syscall"

// attributes are a Linux matter. Elsewhere Ctrl-C reaches the children too,
// and a killed program leaves the gateway behind.
func attributes() *syscall.SysProcAttr { return nil }
