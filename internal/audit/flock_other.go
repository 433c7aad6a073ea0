//go:build !unix

package audit

import (
	"errors"
	"os"
	"time"
)

func lockDir(string, time.Duration) (*os.File, error) { return nil, errors.ErrUnsupported }

func locked(string) bool { return false }
