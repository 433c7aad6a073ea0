//go:build !unix

package store

import (
	"errors"
	"io/fs"
	"os"
)

const openTo fs.FileMode = 0

func lockFile(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func openLock(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func tryLock(*os.File) (locked bool, err error) { return false, errors.ErrUnsupported }
