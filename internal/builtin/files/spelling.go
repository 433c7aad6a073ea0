package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// plain is a name, or a pattern of names, without what file systems may have no eye for: case, also
// of letters that are one with others when it is folded (ſ, ß), the form of Unicode (macOS may list
// another than was written), and characters that are not seen (CVE-2014-9390).
func plain(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return strings.ToLower(name)
	}
	seen := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf) {
			return -1
		}
		return r
	}, name)
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(seen)))
}

// plainPath is the plain form of a path, whose parts may end in dots and spaces too: Windows and its
// file systems drop those.
func plainPath(name string) string {
	parts := strings.Split(plain(name), "/")
	for i, part := range parts {
		if kept := strings.TrimRight(part, ". "); kept != "" {
			parts[i] = kept
		}
	}
	return strings.Join(parts, "/")
}

// errSpelled is a name that a file system finds by a spelling that is not the file's own. For
// clients there is no such file.
var errSpelled = fmt.Errorf("%w", errAbsent)

// spelled looks at a name of a directory, which must be spelled as it is there. A file system that
// folds case or forms of Unicode finds it by other spellings too, which neither patterns of ignore
// nor rules about paths see through, and by which a file would be replaced that nobody looked at
// (security case POL-07).
func spelled(dir *os.Root, name string) (fs.FileInfo, error) {
	seen, err := dir.Lstat(name)
	if err != nil {
		return nil, absent(err)
	}
	if !foldable(name) && !folded(dir, name, seen) {
		return seen, nil
	}
	return seen, has(dir, name)
}

// foldable tells whether a name may have other spellings than upper and lower case of ASCII.
// On Windows those are short names (8.3), and dots and spaces at the end too.
func foldable(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII || r == '~' }) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ")
}

// folded tells whether the same is found by a name of ASCII with its upper and lower case exchanged.
func folded(dir *os.Root, name string, seen fs.FileInfo) bool {
	other := strings.Map(func(r rune) rune {
		if unicode.IsLower(r) {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, name)
	if other == name {
		return false
	}
	is, err := dir.Lstat(other)
	return err == nil && os.SameFile(seen, is)
}

// has is nil where a directory lists a name as it is spelled, and else errSpelled.
func has(dir *os.Root, name string) error {
	f, err := dir.Open(".")
	if err != nil {
		return absent(err)
	}
	defer f.Close()
	for {
		some, err := f.ReadDir(1000)
		if slices.ContainsFunc(some, func(e fs.DirEntry) bool { return e.Name() == name }) {
			return nil
		}
		switch {
		case errors.Is(err, io.EOF):
			return errSpelled
		case err != nil:
			return absent(err)
		}
	}
}
