package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The reference page and its figures, from the root of the repository. What
// stands between the marks of the page is written by this program.
const (
	pageFile    = "docs/reference/detection.md"
	figuresFile = "docs/reference/detection.json"
	pageBegin   = "<!-- figures: written by make detect -->\n"
	pageEnd     = "<!-- end of figures -->\n"
)

// document is what the page shows.
type document struct {
	Repository *report `json:"repository"`
	Given      *report `json:"given"` // corpora that are not in the repository; null before they were given once
}

// readDocument reads the figures of earlier runs; none is no error.
func readDocument(root string) (*document, error) {
	b, err := os.ReadFile(filepath.Join(root, figuresFile))
	if errors.Is(err, fs.ErrNotExist) {
		return &document{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading figures: %w", err)
	}
	d := &document{}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("reading figures: %w", err)
	}
	return d, nil
}

func (d *document) json() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(d)
	return b.Bytes(), err
}

// write puts the figures into the page and beside it.
func (d *document) write(root string) error {
	b, err := d.json()
	if err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	if err := rewrite(filepath.Join(root, pageFile), d.markdown()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, figuresFile), b, 0o644)
}

// rewrite puts text between the marks of a page.
func rewrite(path, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	before, rest, ok := bytes.Cut(page, []byte(pageBegin))
	_, after, closed := bytes.Cut(rest, []byte(pageEnd))
	if !ok || !closed {
		return fmt.Errorf("writing figures: %s has no marks to write between", path)
	}
	return os.WriteFile(path, slices.Concat(before, []byte(pageBegin), []byte(text), []byte(pageEnd), after), 0o644)
}

// named is how many cases of a row the page names.
const named = 4

func (d *document) markdown() string {
	var b strings.Builder
	part := func(title string, r *report) {
		if r == nil {
			return
		}
		fmt.Fprintf(&b, "\n### %s\n\n%d cases of %d corpora. ", title, r.Cases, len(r.Corpora))
		switch n := len(r.Unstable); n {
		case 0:
			fmt.Fprintf(&b, "Every verdict that was asked for again was the same in %d runs and orders of keys.\n", repeats)
		default:
			fmt.Fprintf(&b, "Verdicts that depend on the run or on the order of keys: %s.\n", strings.Join(r.Unstable, ", "))
		}
		for _, t := range r.tables(named) {
			t.markdown(&b)
		}
		if len(r.Ruled) > 0 {
			fmt.Fprintf(&b, "\nJudged by [rules over arguments](rules.md) and not by detectors: %s.\n", counts(r.Ruled))
		}
	}
	part("Corpora of the repository", d.Repository)
	part("With corpora that are not in the repository", d.Given)
	b.WriteString("\n")
	return b.String()
}
