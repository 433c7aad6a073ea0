package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/pelletier/go-toml/v2"
	"github.com/tailscale/hujson"
)

// Bounds of a client's file. Claude Code keeps its history in the one that has
// its servers.
const (
	maxFile  = 32 << 20 // bytes
	maxDepth = 200      // of brackets; the parsers recurse
)

// bom is the byte order mark that some Windows editors write first.
const bom = "\xef\xbb\xbf"

// readFile reads a client's file, up to maxFile bytes.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: a pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// decode is a file as a tree of maps, lists and single values: TOML, or JSON
// with comments and trailing commas let pass. An empty file is an empty tree.
// No error quotes the file: what stands there may be a secret.
func decode(f format, data []byte) (map[string]any, error) {
	data = bytes.TrimPrefix(data, []byte(bom))
	tree := map[string]any{}
	if len(bytes.TrimSpace(data)) == 0 {
		return tree, nil
	}
	if deep(f, data) {
		return nil, fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	}
	if f == formatTOML {
		if err := toml.Unmarshal(data, &tree); err != nil {
			return nil, notTOML(err)
		}
		return tree, nil
	}
	v, err := hujson.Parse(bytes.Clone(data)) // Standardize blanks what it was given
	if err != nil {
		return nil, notJSON(err)
	}
	v.Standardize()
	if err := json.Unmarshal(v.Pack(), &tree); err != nil || tree == nil { // null is no error
		return nil, errors.New("it is not JSON with an object at the top")
	}
	return tree, nil
}

func notTOML(err error) error {
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := at.Position()
		return fmt.Errorf("it is not TOML (line %d, column %d)", line, column)
	}
	return errors.New("it is not TOML")
}

func notJSON(err error) error {
	at := regexp.MustCompile(`line \d+, column \d+`).FindString(err.Error())
	if at == "" {
		return errors.New("it is not JSON")
	}
	return fmt.Errorf("it is not JSON (%s)", at)
}

// deep tells whether brackets nest deeper than a parser should follow. Those in
// JSON's strings and comments do not count; TOML's strings come in four kinds
// and are counted, for no setting holds that many open brackets.
func deep(f format, data []byte) bool {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case f == formatJSON && c == '"':
			i = stringEnd(data, i)
		case f == formatJSON && c == '/' && i+1 < len(data) && (data[i+1] == '/' || data[i+1] == '*'):
			i = commentEnd(data, i) - 1
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth = max(0, depth-1)
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

// stringEnd is the offset of the quote that closes the string at i.
func stringEnd(s []byte, i int) int {
	for i++; i < len(s) && s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i
}

// commentEnd is the offset after the comment at i.
func commentEnd(s []byte, i int) int {
	mark := "\n"
	if s[i+1] == '*' {
		mark = "*/"
	}
	end := bytes.Index(s[i+2:], []byte(mark))
	if end < 0 {
		return len(s)
	}
	return i + 2 + end + len(mark)
}

// at follows keys down a tree. What is missing or no map is nil.
func at(tree map[string]any, keys []string) map[string]any {
	for _, k := range keys {
		tree, _ = tree[k].(map[string]any)
	}
	return tree
}
