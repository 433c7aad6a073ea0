package config_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/config"
)

// Every configuration that the documentation shows is one that config check takes.
func TestDocumentedFilesAreFine(t *testing.T) {
	pages := []string{"../../README.md"}
	if err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			indent := block[:len(block)-len(strings.TrimLeft(block, " "))] // within a list
			block = strings.ReplaceAll("\n"+block, "\n"+indent, "\n")[1:]
			if !strings.HasPrefix(block, "version:") {
				block = "version: 1\n" + block // a part of a file, with the keys that it is about
			}
			if _, err := config.Parse("/etc/doorward/doorward.yaml", []byte(block)); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block)
			}
			n++
		}
	}
	rendered, err := filepath.Glob("../../tools/chart/testdata/*.doorward.yaml") // by the test there
	if err != nil || len(rendered) < 3 {
		t.Errorf("of the Helm chart there are %q, %v", rendered, err)
	}
	for _, path := range rendered {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse("/etc/doorward/doorward.yaml", text); err != nil {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
	if n < 8 {
		t.Errorf("only %d files are shown", n)
	}
}
