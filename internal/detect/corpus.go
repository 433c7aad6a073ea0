package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hardNegative is the class of what hardNegatives names.
const hardNegative = "hard_negative"

// The labels of a case.
const (
	malicious = "malicious"
	benign    = "benign"
)

// The surfaces: which of a case's fields is judged.
const (
	onTool    = "tool"    // Tool, beside Peers
	onRugpull = "rugpull" // Tool, which was Prev when it was approved
	onResult  = "result"  // Text
	onArgs    = "args"    // Call
	onChain   = "chain"   // Calls, one after the other in one conversation
)

// Case is one line of a corpus: an attack or something honest, and where it is
// met. testdata/README.md describes the format.
type Case struct {
	ID        string          `json:"id"`
	Corpus    string          `json:"corpus"`
	Licence   string          `json:"licence,omitempty"`
	Class     string          `json:"class"`
	Label     string          `json:"label"`
	Surface   string          `json:"surface"`
	Lang      string          `json:"lang,omitempty"`
	Technique string          `json:"technique,omitempty"`
	Twin      string          `json:"twin,omitempty"` // the honest case to an attack and the other way round
	Server    string          `json:"server,omitempty"`
	Tool      json.RawMessage `json:"tool,omitempty"`
	Prev      json.RawMessage `json:"prev,omitempty"`
	Peers     []Peer          `json:"peers,omitempty"`
	Text      string          `json:"text,omitempty"`
	Call      *Call           `json:"call,omitempty"`
	Calls     []Call          `json:"calls,omitempty"`
	Meta      json.RawMessage `json:"meta,omitempty"`
}

// Peer is a tool of another upstream in the same session.
type Peer struct {
	Server string          `json:"server"`
	Tool   json.RawMessage `json:"tool"`
}

// Call is a tool call.
type Call struct {
	Server    string          `json:"server,omitempty"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// maxLine bounds a line of a corpus, in bytes. The longest known one is 0.4 MB.
const maxLine = 8 << 20

// maxCorpus bounds an unpacked corpus file, in bytes. Files are read one at a
// time, so this bounds the program's memory too.
const maxCorpus = 128 << 20

// errTooLarge is returned for a corpus above maxCorpus. Measuring the first part
// of it would look like measuring it.
var errTooLarge = errors.New("larger than 128 MiB unpacked: split it")

// corpusFiles are the *.jsonl and *.jsonl.gz of dir and below, sorted by path.
// A directory without any is an error: measuring nothing looks like passing.
func corpusFiles(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".jsonl") || strings.HasSuffix(path, ".jsonl.gz")) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading corpora: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("reading corpora: no *.jsonl and no *.jsonl.gz in %s", dir)
	}
	slices.Sort(files)
	return files, nil
}

// hardNegatives begins the names of files with honest tools that were chosen
// because a public scanner flags them. They are scored as a class of their own:
// they are no sample of what is honest.
const hardNegatives = "hardneg_"

func readFile(path string) ([]Case, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a corpus: %w", err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		unpacked, err := gzip.NewReader(f)
		if err != nil {
			return nil, fmt.Errorf("reading corpus %s: %w", path, err)
		}
		r = unpacked
	}
	limited := &io.LimitedReader{R: r, N: maxCorpus + 1}
	cases, err := readCases(limited)
	if err == nil && limited.N == 0 {
		err = errTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("reading corpus %s: %w", path, err)
	}
	if strings.HasPrefix(filepath.Base(path), hardNegatives) {
		for i := range cases {
			cases[i].Class = hardNegative
		}
	}
	return cases, nil
}

// readCases reads JSON lines. A line that is no case is an error, not a case
// less.
func readCases(r io.Reader) ([]Case, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var cases []Case
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		line, err := expandSecrets(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		var c Case
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("line %d, case %q: %w", n, c.ID, err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return cases, nil
}

// check says what keeps c from being judged.
func (c *Case) check() error {
	switch {
	case c.ID == "" || c.Corpus == "" || c.Class == "":
		return errors.New("id, corpus or class is missing")
	case c.Label != malicious && c.Label != benign:
		return fmt.Errorf("label %q is neither malicious nor benign", c.Label)
	}
	var missing bool
	switch c.Surface {
	case onTool:
		missing = c.Tool == nil
	case onRugpull:
		missing = c.Tool == nil || c.Prev == nil
	case onResult:
	case onArgs:
		missing = c.Call == nil
	case onChain:
		missing = len(c.Calls) == 0
	default:
		return fmt.Errorf("surface %q is unknown", c.Surface)
	}
	if missing {
		return fmt.Errorf("surface %s without what it judges", c.Surface)
	}
	return nil
}

// about is what corpora of others say about a case, each in its own way.
type about struct {
	Payload  string   `json:"payload"`  // what the case hides
	Setting  string   `json:"setting"`  // InjecAgent: base or enhanced
	Template string   `json:"template"` // AgentDojo
	How      string   `json:"how"`      // derived shadowing
	Kind     string   `json:"kind"`
	Cat      string   `json:"cat"`
	Source   string   `json:"src"`
	Entities []string `json:"ents"` // presidio-research: what kinds of personal data
}

func (c *Case) about() about {
	var a about
	if len(c.Meta) == 0 || json.Unmarshal(c.Meta, &a) != nil {
		return about{} // a corpus that means something else by these words
	}
	return a
}

// technique is how the attack is made, as far as its corpus says.
func (c *Case) technique() string {
	a := c.about()
	return cmp.Or(c.Technique, a.Setting, a.Template, a.How, a.Kind, a.Cat, a.Source, strings.Join(a.Entities, "+"))
}
