//go:build !unix

package storetest

import "os/exec"

func asPostgres(*exec.Cmd) error { return nil }

func giveToPostgres(string) error { return nil }
