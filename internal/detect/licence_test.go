package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// maxCommitted bounds the corpora of others, in bytes.
const maxCommitted = 1_500_000

// What others made stands here with their licence, and with the notice that
// Apache-2.0 asks for.
func TestCorporaOfOthersHaveTheirLicence(t *testing.T) {
	files, err := corpusFiles("testdata")
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		dir := filepath.Dir(path)
		licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want := "MIT"
		if bytes.Contains(licence, []byte("Apache License")) {
			want = "Apache-2.0"
			if _, err := os.Stat(filepath.Join(dir, "NOTICE")); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		cases, err := readFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cases {
			if got := cases[i].Licence; got != want {
				t.Errorf("%s: %s says licence %q, its directory %s", path, cases[i].ID, got, want)
				break
			}
		}
	}
	if size > maxCommitted {
		t.Errorf("%d bytes of corpora, want at most %d", size, maxCommitted)
	}
}

// FuzzReadCases: whatever a file holds, every case that is read is whole, and no
// mark for a secret is left in it.
func FuzzReadCases(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","corpus":"c","class":"x","label":"benign","surface":"result","text":"{{secret:jwt:1:hex}}"}`,
		`{"id":"a","corpus":"c","class":"x","label":"malicious","surface":"tool","tool":{"name":"n"}}` + "\n\n{",
		`{"id":"a","corpus":"c","class":"x","label":"benign","surface":"chain","calls":[{"name":"n"}],"meta":7}`,
		`{"id":"{{secret:jwt:1:plain}}"`, "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		cases, err := readCases(strings.NewReader(lines))
		for i := range cases {
			c := &cases[i]
			if err := c.check(); err != nil {
				t.Errorf("read a case that cannot be judged: %v", err)
			}
			if strings.Contains(c.Text+string(c.Tool), "{{secret:") && !strings.Contains(lines, `\u`) {
				t.Errorf("a mark is left in %q", c.Text)
			}
			_ = c.technique()
		}
		if err != nil && len(cases) > 0 {
			t.Error("cases beside an error")
		}
	})
}
