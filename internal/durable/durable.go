// Package durable writes small files so that a crash, of the process or the machine,
// leaves either what was there before or what was meant to be there, and never a part
// of it. Whoever keeps a file of their own calls it: keys, positions, checkpoints. It
// knows nothing of what is in them and locks nothing: that is its caller's.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace writes a file whole or not at all, and durably, with mode 0600 from its
// first moment. What is at path, a link too, is replaced.
func Replace(path string, content []byte) error {
	return ReplaceFrom(path, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
}

// ReplaceFrom is Replace for a file too large to hold: write puts the content into it.
func ReplaceFrom(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary(filepath.Base(path))) // 0600
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(filepath.Dir(path))
}

// Drop removes what a crash in Replace left of the files whose names match a pattern of
// path.Match. Nobody may be in Replace of them; what cannot be removed does no harm.
func Drop(dir, pattern string) {
	left, _ := filepath.Glob(filepath.Join(dir, temporary(pattern)))
	for _, path := range left {
		_ = os.Remove(path)
	}
}

func temporary(name string) string { return "." + name + "-*" }
