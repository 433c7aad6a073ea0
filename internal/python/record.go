package python

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/durable"
)

// Bounds of what distributions say of themselves. The largest RECORD that was looked at,
// that of a library with 11,000 files, has 1.4 MB.
const (
	maxDistributions = 2000
	maxRecord        = 16 << 20
	maxOdd           = 20 // files that are named of those that are not as a RECORD has them
)

// Distribution is one that is installed in a directory.
type Distribution struct {
	Name, Version string
	Files         map[string]string // SHA-256 by path from the directory, with slashes; empty where none is listed
}

// String is its name and version as pip has them.
func (d *Distribution) String() string { return Normal(d.Name) + "==" + d.Version }

// Records are the distributions that are installed in one directory, a site-packages, with
// what each lists of its files (packaging.python.org, "Recording installed projects").
type Records struct {
	All []Distribution // by their names

	listed            map[string]string
	seen              map[string]bool
	altered, unlisted []string
}

// ReadRecords reads them. A distribution without a RECORD lists nothing.
func ReadRecords(site string) (*Records, error) {
	entries, err := os.ReadDir(site)
	if err != nil {
		return nil, err
	}
	r := &Records{listed: map[string]string{}, seen: map[string]bool{}}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasSuffix(e.Name(), ".dist-info") {
			continue
		}
		if len(r.All) == maxDistributions {
			return nil, fmt.Errorf("%s has more than %d distributions", site, maxDistributions)
		}
		d, err := readDistribution(filepath.Join(site, e.Name()))
		if err != nil {
			return nil, err
		}
		for at, sum := range d.Files {
			if had, twice := r.listed[at]; twice && had != sum { // one of them was written over
				sum = had + "|" + sum
			}
			r.listed[at] = sum
		}
		r.All = append(r.All, d)
	}
	slices.SortFunc(r.All, func(a, b Distribution) int { return strings.Compare(a.String(), b.String()) })
	return r, nil
}

func readDistribution(dir string) (Distribution, error) {
	var d Distribution
	head, err := durable.ReadNamed(filepath.Join(dir, "METADATA"), maxRecord)
	if err != nil {
		return d, err
	}
	s := bufio.NewScanner(bytes.NewReader(head))
	for s.Scan() && s.Text() != "" {
		key, value, _ := strings.Cut(s.Text(), ":")
		switch strings.ToLower(key) {
		case "name":
			d.Name = strings.TrimSpace(value)
		case "version":
			d.Version = strings.TrimSpace(value)
		}
	}
	raw, err := durable.ReadNamed(filepath.Join(dir, "RECORD"), maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	if d.Files, err = readRecord(raw); err != nil {
		return d, fmt.Errorf("%s: %w", filepath.Join(dir, "RECORD"), err)
	}
	return d, nil
}

// readRecord reads a RECORD: path, digest and size of each file.
func readRecord(raw []byte) (map[string]string, error) {
	in := csv.NewReader(bytes.NewReader(raw))
	in.FieldsPerRecord = -1
	files := map[string]string{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("it is no list of files: %w", err)
		}
		if len(row) < 2 || row[0] == "" {
			return nil, errors.New("a line of it names no file and digest")
		}
		sum := ""
		if text, ok := strings.CutPrefix(row[1], "sha256="); ok {
			digest, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
			if err != nil || len(digest) != 32 {
				return nil, fmt.Errorf("the digest of %q is none of SHA-256", row[0])
			}
			sum = string(digest)
		}
		files[path.Clean(filepath.ToSlash(row[0]))] = sum
	}
}

// See compares one file with what is listed of it: name is its path from the directory, sum
// its SHA-256. What Python compiled of a listed file need not be listed, and a RECORD has no
// digest of itself; what else is listed without one is not known to be unaltered.
func (r *Records) See(name string, sum []byte) {
	want, listed := r.listed[name]
	r.seen[name] = true
	switch {
	case !listed && !r.compiled(name):
		r.unlisted = append(r.unlisted, name)
	case listed && want != string(sum) && (want != "" || !r.derived(name)):
		r.altered = append(r.altered, name)
	}
}

// derived tells of a file that installers list without a digest.
func (r *Records) derived(name string) bool {
	dir, file := path.Split(name)
	return file == "RECORD" && strings.HasSuffix(path.Clean(dir), ".dist-info") || r.compiled(name)
}

// compiled tells of what Python compiled of a module that is listed (PEP 3147).
func (r *Records) compiled(name string) bool {
	dir, file := path.Split(name)
	cache := path.Clean(dir)
	if path.Base(cache) != "__pycache__" || !strings.HasSuffix(file, ".pyc") {
		return false
	}
	module, _, _ := strings.Cut(file, ".")
	_, ok := r.listed[path.Join(path.Dir(cache), module+".py")]
	return ok
}

// Odd is what of the files that were seen is not as listed, what is listed nowhere, and what
// is listed in the directory and was not seen: at most 20 of each, and how many there are more.
func (r *Records) Odd() (altered, unlisted, missing []string) {
	for at := range r.listed {
		if !r.seen[at] && filepath.IsLocal(at) && !r.compiled(at) {
			missing = append(missing, at)
		}
	}
	return some(r.altered), some(r.unlisted), some(missing)
}

func some(names []string) []string {
	slices.Sort(names)
	if more := len(names) - maxOdd; more > 0 {
		return append(slices.Clone(names[:maxOdd]), fmt.Sprintf("and %d more", more))
	}
	return names
}
