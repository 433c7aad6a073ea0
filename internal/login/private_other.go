//go:build !unix && !windows

package login

import (
	"errors"
	"io/fs"
	"os"
)

const (
	noFollow = 0
	dontWait = 0
)

func ownersAlone(fs.FileInfo) error { return errors.ErrUnsupported }

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
