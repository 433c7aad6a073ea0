package python

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"doorward/internal/durable"
	"doorward/internal/install"
)

// Order says what is to be installed, and where.
type Order struct {
	Package Package
	Dir     string // absolute and without links; what is there is replaced
	Index   string // URL (PEP 503)
	Python  string // the interpreter that will run it, absolute
	// Run runs the interpreter with these arguments in a directory, which alone it may write.
	Run func(ctx context.Context, dir string, args []string) error
}

// What pip is given and what it leaves, in the directory that it works in.
const (
	wantedFile = "wanted.txt"
	reportFile = "report.json"
)

// Install installs a package in place of what was installed in the directory. Where that
// was the same, its list says what each archive must be. A package is installed whole or
// not at all: what was there stays until the new one was looked at.
func Install(ctx context.Context, o Order) (Installed, error) {
	err := install.Whole(o.Dir, func(beside string) error { return o.fill(ctx, beside) })
	if err != nil {
		return Installed{}, fmt.Errorf("installing %s: %w", o.Package.Requirement, err)
	}
	return At(o.Dir, o.Package)
}

// fill has pip install the package into a directory that is empty, and looks at it.
func (o *Order) fill(ctx context.Context, dir string) error {
	args, err := o.wanted(dir)
	if err != nil {
		return err
	}
	if err := o.Run(ctx, dir, args); err != nil {
		return err
	}
	l, err := o.reported(dir)
	if err != nil {
		return fmt.Errorf("what pip installed is not taken: %w", err)
	}
	if err := o.verified(dir, &l); err != nil {
		return fmt.Errorf("what pip installed is not taken: %w", err)
	}
	if err := o.program(dir, &l); err != nil {
		return err
	}
	// Not by the time of a file: what is compiled is the same wherever it is installed again.
	site := filepath.Join(dir, siteDir)
	if err := o.Run(ctx, dir, []string{"-I", "-m", "compileall", "-q", "-q", "-s", site, "--invalidation-mode", "unchecked-hash", site}); err != nil {
		return fmt.Errorf("compiling it: %w", err)
	}
	for _, name := range [...]string{wantedFile, reportFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ListFile), append(raw, '\n'), 0o600)
}

// wanted are the arguments for pip. Only wheels are taken: the others are built by code of theirs.
func (o *Order) wanted(dir string) ([]string, error) {
	args := []string{
		"-I", "-m", "pip", "--isolated", "--no-input", "--no-color", "--disable-pip-version-check", "--no-cache-dir", "--retries", "1", "--timeout", "60", "install", "--no-compile", "--no-warn-script-location",
		"--progress-bar", "off", "--only-binary", ":all:", "--ignore-installed", "--index-url", o.Index, "--target", filepath.Join(dir, siteDir), "--report", filepath.Join(dir, reportFile),
	}
	switch _, err := At(o.Dir, o.Package); {
	case errors.Is(err, ErrNone), errors.Is(err, ErrOther):
		return append(append(args, "--"), o.Package.asked()...), nil
	case err != nil:
		return nil, fmt.Errorf("%w: remove %s to install it anew", err, o.Dir)
	}
	l, err := readList(o.Dir)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, w := range l.Wheels {
		fmt.Fprintf(&text, "%s==%s --hash=sha256:%s\n", w.Name, w.Version, w.SHA256)
	}
	file := filepath.Join(dir, wantedFile)
	return append(args, "--no-deps", "--require-hashes", "--requirement", file), os.WriteFile(file, []byte(text.String()), 0o600)
}

// reported reads what pip says that it installed (pip.pypa.io, installation report).
func (o *Order) reported(dir string) (list, error) {
	l := list{Format: 1, Asked: o.Package.asked(), Own: o.Package.String(), Named: o.Package.Program, Python: o.Python}
	raw, err := durable.ReadNamed(filepath.Join(dir, reportFile), maxList)
	if err != nil {
		return l, err
	}
	var report struct {
		Install []struct {
			Download struct {
				URL     string `json:"url"`
				Archive struct {
					Hashes map[string]string `json:"hashes"`
				} `json:"archive_info"`
			} `json:"download_info"`
			Direct   bool                           `json:"is_direct"`
			Metadata struct{ Name, Version string } `json:"metadata"`
		} `json:"install"`
	}
	if err := json.Unmarshal(raw, &report); err != nil {
		return l, fmt.Errorf("its report cannot be read: %w", err)
	}
	for _, i := range report.Install {
		at, err := url.Parse(i.Download.URL)
		if err != nil || i.Direct || !strings.HasSuffix(at.Path, ".whl") {
			return l, errors.Join(fmt.Errorf("%s comes from %q, which is no wheel of the index", i.Metadata.Name, i.Download.URL), err)
		}
		l.Wheels = append(l.Wheels, wheel{Name: Normal(i.Metadata.Name), Version: i.Metadata.Version, File: path.Base(at.Path), SHA256: i.Download.Archive.Hashes["sha256"]})
	}
	return l, l.check()
}

// verified holds what is on the disk to what its distributions list, and notes what would
// run at every start of an interpreter.
func (o *Order) verified(dir string, l *list) error {
	site := filepath.Join(dir, siteDir)
	// pip lists programs and data where they would be beside lib/python, and puts them here.
	records, err := ReadRecords(site)
	if err != nil {
		return err
	}
	for at, sum := range records.listed {
		if within, ok := strings.CutPrefix(at, "../../"); ok {
			records.listed[path.Clean(within)] = sum
		}
	}
	err = filepath.WalkDir(site, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", name)
		}
		rel, err := filepath.Rel(site, name)
		if err != nil {
			return err
		}
		sum, err := digestOf(name)
		records.See(filepath.ToSlash(rel), sum)
		if strings.HasSuffix(rel, ".pth") && rel == filepath.Base(rel) {
			l.Unrun = append(l.Unrun, rel)
		}
		return err
	})
	if err != nil {
		return err
	}
	altered, unlisted, missing := records.Odd()
	for what, files := range map[string][]string{"are not as it says": altered, "are not in it": unlisted, "are in it and not there": missing} {
		if len(files) > 0 {
			return fmt.Errorf("the RECORD of a package is wrong: %s %s", strings.Join(files, ", "), what)
		}
	}
	if len(records.All) != len(l.Wheels) {
		return fmt.Errorf("%d distributions are there, and %d were installed", len(records.All), len(l.Wheels))
	}
	return nil
}

func digestOf(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return h.Sum(nil), err
}
