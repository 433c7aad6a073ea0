//go:build !unix

package audit

import (
	"errors"
	"os"
)

func lockDir(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func locked(string) bool { return false }
