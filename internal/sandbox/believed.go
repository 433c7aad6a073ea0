package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxSearched bounds the files among which another name of one of Doorward's is looked for.
const maxSearched = 200_000

// Guard refuses what no command is given, whatever confines it: to write a file that Doorward
// believes, or a directory around one, and a directory in which a file of Doorward's own has
// another name (a hard link), which hiding its path does not hide. NewPlan calls it, and who
// makes a container of what is given.
func (g *Given) Guard() error {
	for _, path := range g.Write {
		if err := g.believes(path); err != nil {
			return err
		}
	}
	return g.linked()
}

// believes refuses to have a command write what Doorward decides by, such as the certificates
// of who vouches for a server: it would be who vouches from the next start on.
func (g *Given) believes(path string) error {
	clean, target := filepath.Clean(path), led(path)
	for _, b := range g.Believed {
		for _, at := range [...]string{b, led(b)} {
			for _, given := range [...]string{clean, target} {
				if within(given, at) || within(at, given) {
					return fmt.Errorf("giving %s to write: Doorward decides by %s: keep that where no command may write", path, b)
				}
			}
		}
	}
	return nil
}

// led is where the links of a path lead; the path where it is not there yet.
func led(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return filepath.Clean(path)
}

// twin is a file that has more names than one.
type twin struct {
	path string
	info fs.FileInfo
}

// linked looks for other names of Doorward's files in what is given. A file with one name has
// none, so that nearly always nothing is looked through.
func (g *Given) linked() error {
	own, err := twins(g.Hide)
	if err != nil {
		return err
	}
	believed, err := twins(g.Believed)
	if err != nil {
		return err
	}
	left := maxSearched
	for _, path := range g.Write {
		if err := search(path, slices.Concat(own, believed), &left); err != nil {
			return err
		}
	}
	for _, path := range g.Read {
		if err := search(path, own, &left); err != nil {
			return err
		}
	}
	return nil
}

// twins are those of paths, and of the files right in directories among them, that have more
// names than one. What is not there yet has none.
func twins(paths []string) (out []twin, err error) {
	add := func(path string) error {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return fmt.Errorf("looking for other names of %s: %w", path, err)
		case info.Mode().IsRegular() && named(info) > 1:
			out = append(out, twin{path, info})
		}
		return nil
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			if err := add(path); err != nil {
				return nil, err
			}
			continue
		}
		in, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("looking for other names of what is in %s: %w", path, err)
		}
		for _, e := range in {
			if err := add(filepath.Join(path, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// search refuses a path that is, or has in it, one of some files under another name.
func search(path string, files []twin, left *int) error {
	if len(files) == 0 {
		return nil
	}
	return filepath.WalkDir(led(path), func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("giving %s: looking for other names of %s: %w", path, files[0].path, err)
		}
		if *left--; *left < 0 {
			return fmt.Errorf("giving %s: %s has another name, which may be among its files, and those are too many: remove that name (find / -samefile %s)", path, files[0].path, files[0].path)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("giving %s: %w", path, err)
		}
		for _, f := range files {
			if os.SameFile(f.info, info) {
				return fmt.Errorf("giving %s: %s is another name of %s, which is Doorward's: remove it", path, at, f.path)
			}
		}
		return nil
	})
}
