//go:build unix

package storetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// asPostgres has a program run as the user postgres where the test runs as root.
func asPostgres(cmd *exec.Cmd) error {
	user, err := postgresUser()
	if user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	}
	return err
}

// giveToPostgres gives a file to that user.
func giveToPostgres(path string) error {
	user, err := postgresUser()
	if user == nil || err != nil {
		return err
	}
	return os.Chown(path, int(user.Uid), int(user.Gid))
}

// postgresUser is that user; nil: the test does not run as root.
func postgresUser() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // nobody else
	}
	var ids [2]uint32
	for i, flag := range []string{"-u", "-g"} {
		out, err := exec.CommandContext(context.Background(), "id", flag, "postgres").Output()
		if err != nil {
			return nil, fmt.Errorf("there is no user postgres: %w", err)
		}
		n, err := strconv.ParseUint(strings.TrimSpace(string(out)), 10, 32)
		if err != nil {
			return nil, err
		}
		ids[i] = uint32(n)
	}
	return &syscall.Credential{Uid: ids[0], Gid: ids[1]}, nil
}
