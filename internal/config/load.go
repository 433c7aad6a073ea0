package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"doorward/internal/durable"
)

// Bounds of the file.
const (
	maxFile    = 1 << 20 // bytes: no gateway's file comes near
	maxNesting = 64      // of brackets; the YAML parser recurses
	maxItems   = 20_000  // lines and commas; the YAML parser's time grows with their square
)

// Load reads a file and parses it. The error is Faults, or wraps that of
// reading. A file that everybody may write to is a fault: whoever can change
// it decides what the gateway lets through. A pipe in its place is not waited for.
func Load(path string) (*Config, error) {
	f, err := durable.OpenNamed(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return nil, Faults{{Text: fmt.Sprintf("%s can be written by everybody: chmod o-w %s", path, path)}}
	}
	if dir, err := os.Stat(filepath.Dir(path)); err == nil && dir.Mode().Perm()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return nil, Faults{{Text: fmt.Sprintf("everybody may replace %s: chmod o-w %s", path, filepath.Dir(path))}}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, data)
}

// Unchanged tells whether the file at path has the bytes that c was made of. One that cannot be
// read has not: whoever loads it hears why. app asks once it watches the file.
func (c *Config) Unchanged(path string) bool {
	data, err := durable.ReadNamed(path, maxFile)
	return err == nil && digest(data) == c.Digest
}

// Parse makes a Config of a file's bytes. name is the file's path: relative
// paths in the file start at its directory. The error is Faults, all of them.
func Parse(name string, data []byte) (*Config, error) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("finding the configuration's directory: %w", err)
	}
	if f := unreadable(data); f != nil {
		return nil, Faults{*f}
	}
	file, err := tree(data)
	if err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	if len(file.Docs) > 1 {
		return nil, Faults{{Text: "the file holds more than one YAML document"}}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, Faults{{Text: "the file is empty; the least is: version: 1"}}
	}
	c := defaults()
	d := decoder{at: positions{}}
	d.value(file.Docs[0].Body, reflect.ValueOf(&c).Elem(), "", "")
	if d.at[""] == nil || len(d.faults) > 0 && d.faults[0].Path == "" {
		return nil, d.faults.orNil()
	}
	c.finish(filepath.Dir(whole), func(path string) bool { return d.at[path] != nil })
	broken := map[string]bool{}
	for _, f := range d.faults {
		broken[f.Path] = true
	}
	for _, f := range Validate(&c) {
		// What could not be decoded was reported already.
		if !under(broken, f.Path) {
			d.faults = append(d.faults, d.at.locate(f))
		}
	}
	if err := d.faults.orNil(); err != nil {
		return nil, err
	}
	c.Digest = digest(data)
	return &c, nil
}

// digest is Config.Digest of a file's bytes.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// tree parses YAML. A panic of the parser is a file that it cannot read.
func tree(data []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("the parser gave up: %v", p)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// under tells whether the path or something below it is broken.
func under(broken map[string]bool, path string) bool {
	for b := range broken {
		if b == path || (path != "" && strings.HasPrefix(b, path) && (b[len(path)] == '.' || b[len(path)] == '[')) {
			return true
		}
	}
	return false
}

// unreadable finds what the YAML parser must not even see.
func unreadable(data []byte) *Fault {
	if len(data) > maxFile {
		return &Fault{Text: fmt.Sprintf("the file is larger than %d bytes", maxFile)}
	}
	if !utf8.Valid(data) {
		return &Fault{Text: "the file is not UTF-8"}
	}
	if strings.Count(string(data), "\n")+strings.Count(string(data), ",") > maxItems {
		return &Fault{Text: fmt.Sprintf("the file has more than %d lines and list elements", maxItems)}
	}
	depth := 0
	for i, line := range strings.Split(string(data), "\n") {
		lead := len(line) - len(strings.TrimLeft(line, "-?: "))
		if strings.Count(line[:lead], "-")+strings.Count(line[:lead], "?") > maxNesting {
			return &Fault{Line: i + 1, Column: 1, Text: "nested too deep"}
		}
		for _, r := range line {
			switch r {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			case '\t', '\r':
				continue
			}
			if isControl(r) {
				return &Fault{Line: i + 1, Column: 1, Text: "the line holds a control character"}
			}
			if depth > maxNesting {
				return &Fault{Line: i + 1, Column: 1, Text: "nested too deep"}
			}
		}
	}
	return nil
}

func syntaxFault(err error) Fault {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return Fault{Text: "this is not YAML: " + shorten(err.Error())}
	}
	at := e.GetToken().Position
	return Fault{Line: at.Line, Column: at.Column, Text: "this is not YAML: " + e.GetMessage()}
}
