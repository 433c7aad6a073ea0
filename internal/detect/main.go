// Command detect measures the detectors below internal/inspect and the flow
// rules on corpora: those in the repository, generated ones, and any that the
// person at the keyboard names. `make detect` runs it. It prints how many
// attacks are seen and how much that is honest is stopped, writes
// docs/reference/detection.md with the figures beside it, and with -check holds
// a sample against testdata/ratchet.json, as the tests do.
//
// It never decides anything in the gateway, opens no connection, and takes
// what it reads as data: the corpora are full of instructions to models.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// exitWorse is the exit status when a figure is worse than the ratchet's.
const exitWorse = 3

// errWorse is returned when a figure is worse than the ratchet's.
var errWorse = errors.New("worse than the ratchet")

func main() {
	err := dispatch(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.Is(err, errWorse):
		fmt.Fprintf(os.Stderr, "detect: %v\n", err)
		os.Exit(exitWorse)
	}
	fmt.Fprintf(os.Stderr, "detect: %v\n", err)
	os.Exit(1)
}

func dispatch(args []string, out, progress io.Writer) error {
	opts, err := parseOptions(args, progress)
	if err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	if opts.check {
		return check(root, opts.update, progress)
	}
	return run(opts, root, out, progress)
}

// check holds the sample against the ratchet.
func check(root string, update bool, progress io.Writer) error {
	sources, err := repositorySources(root)
	if err != nil {
		return err
	}
	r, err := measure(sources, quick, progress)
	if err != nil {
		return err
	}
	return hold(filepath.Join(root, ratchetFile), r, update)
}

// run measures everything, prints it and writes the page.
func run(opts *options, root string, out, progress io.Writer) error {
	much := whole
	much.failures = opts.failures
	sources, err := repositorySources(root)
	if err != nil {
		return err
	}
	d, err := readDocument(root)
	if err != nil {
		return err
	}
	if d.Repository, err = measure(sources, much, progress); err != nil {
		return err
	}
	fresh := document{Repository: d.Repository}
	if len(opts.corpora) > 0 {
		if sources, err = given(root, opts.corpora); err != nil {
			return err
		}
		if d.Given, err = measure(sources, much, progress); err != nil {
			return err
		}
		fresh.Given = d.Given
	}
	if err := fresh.show(out, opts); err != nil || !opts.page {
		return err
	}
	return d.write(root)
}

// given are the corpora of directories, with our own and what is generated: that is
// what classes have of which nobody publishes a corpus. The corpora of others in
// the repository are left out: whoever gives corpora has them.
func given(root string, dirs []string) ([]source, error) {
	list, err := directory(filepath.Join(root, filepath.FromSlash(ownCorpus)))
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		files, err := directory(dir)
		if err != nil {
			return nil, err
		}
		list = append(list, files...)
	}
	return append(list, generators()...), nil
}

// show prints what this run has measured.
func (d *document) show(out io.Writer, opts *options) error {
	if opts.format == "json" {
		b, err := d.json()
		if err != nil {
			return fmt.Errorf("printing figures: %w", err)
		}
		_, err = out.Write(b)
		return err
	}
	d.Repository.text(out, "corpora of the repository", opts.failures)
	if d.Given != nil {
		d.Given.text(out, "corpora given, our own and generated ones", opts.failures)
	}
	return nil
}

// repository is the directory with go.mod, from here upwards.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the repository: no go.mod here or above")
		}
		dir = parent
	}
}
