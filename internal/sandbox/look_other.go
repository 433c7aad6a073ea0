//go:build !linux

package sandbox

import (
	"fmt"
	"os"
)

// Look is a file as it is now; which inode it is remains unknown here.
func Look(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, fmt.Errorf("looking at %s: %w", path, err)
	}
	return File{Path: path, Size: info.Size(), Changed: info.ModTime().UnixNano()}, nil
}

// LookAt is an open file as it is now; which inode it is remains unknown here.
func LookAt(f *os.File) (File, error) {
	info, err := f.Stat()
	if err != nil {
		return File{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return File{Path: f.Name(), Size: info.Size(), Changed: info.ModTime().UnixNano()}, nil
}
