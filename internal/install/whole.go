package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// asideEnd ends the name of what is being replaced.
const asideEnd = ".old"

// leftAfter is how old a directory beside the installed one is that no installation works in
// any more: what fills one is ended after ten minutes.
const leftAfter = time.Hour

// Whole has a directory filled that is empty, and puts it in place of the one of that name:
// what was there stays until fill has returned without an error. The directory is absolute
// and without links.
func Whole(dir string, fill func(beside string) error) error {
	parent, name := filepath.Dir(dir), filepath.Base(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	if err := tidy(dir); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(parent, "."+name+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(beside) }() // what was replaced, or what failed
	if err := fill(beside); err != nil {
		return err
	}
	return replace(beside, dir)
}

// tidy takes away what an installation that was killed left, and puts back what it was about
// to replace. What is of another directory's installation, or may be under way, stays.
func tidy(dir string) error {
	parent, name := filepath.Dir(dir), filepath.Base(dir)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), "."+name+"-")
		number, replaced := strings.CutSuffix(number, asideEnd)
		if !ours || strings.Trim(number, "0123456789") != "" {
			continue
		}
		left := filepath.Join(parent, e.Name())
		if _, err := os.Lstat(dir); replaced && errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(left, dir); err != nil {
				return err
			}
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > leftAfter {
			if err := os.RemoveAll(left); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace puts one directory in place of another, which has the name of the first then.
// Where that fails, the other one is as it was.
func replace(with, dir string) error {
	aside := with + asideEnd
	err := os.Rename(dir, aside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Rename(with, dir)
	case err != nil:
		return err
	}
	if err := os.Rename(with, dir); err != nil {
		return errors.Join(err, os.Rename(aside, dir))
	}
	return os.Rename(aside, with)
}
