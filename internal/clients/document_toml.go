package clients

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
	"github.com/tailscale/hujson"
)

// tomlDocument edits TOML by whole lines: every expression of TOML begins and
// ends on a line of its own.
type tomlDocument struct {
	data   []byte
	marked bool
	line   string
}

func openTOML(data []byte) *tomlDocument {
	d := &tomlDocument{line: "\n"}
	d.data, d.marked = bytes.CutPrefix(bytes.Clone(data), []byte(bom))
	if bytes.Contains(d.data, []byte("\r\n")) {
		d.line = "\r\n"
	}
	return d
}

func (d *tomlDocument) encode() []byte {
	if d.marked {
		return append([]byte(bom), d.data...)
	}
	return d.data
}

func (d *tomlDocument) apply(e edit) error {
	names := slices.Clone(e.drop)
	if e.put == nil {
		names = append(names, Name)
	}
	for _, name := range names {
		if err := d.drop(append(slices.Clone(e.root), name)); err != nil {
			return err
		}
	}
	if len(e.back) > 0 {
		if err := d.putBack(e); err != nil {
			return err
		}
	}
	if e.put == nil {
		return nil
	}
	if err := d.drop(append(slices.Clone(e.root), Name)); err != nil {
		return err
	}
	var b strings.Builder
	table(&b, d.line, append(slices.Clone(e.root), Name), e.put)
	d.append(b.String())
	return nil
}

// table writes a table and those below it.
func table(b *strings.Builder, line string, key []string, fields []field) {
	b.WriteString("[" + strings.Join(keysOf(key), ".") + "]" + line)
	var below []field
	for _, f := range fields {
		switch v := f.value.(type) {
		case string:
			b.WriteString(keysOf([]string{f.key})[0] + " = " + quoted(v) + line)
		case []string:
			words := make([]string, len(v))
			for i, w := range v {
				words[i] = quoted(w)
			}
			b.WriteString(keysOf([]string{f.key})[0] + " = [" + strings.Join(words, ", ") + "]" + line)
		case []field:
			below = append(below, f)
		}
	}
	for _, f := range below {
		if v, ok := f.value.([]field); ok {
			b.WriteString(line)
			table(b, line, append(slices.Clone(key), f.key), v)
		}
	}
}

// keysOf are keys as TOML writes them, bare where they can be.
func keysOf(key []string) []string {
	out := make([]string, len(key))
	for i, k := range key {
		out[i] = k
		if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(k) {
			out[i] = quoted(k)
		}
	}
	return out
}

// quoted is a basic string of TOML. JSON's escapes are among TOML's; DEL, which
// TOML wants escaped and JSON does not, is added.
func quoted(s string) string {
	return strings.ReplaceAll(string(hujson.String(s)), "\x7f", `\u007f`)
}

// append adds text at the end, after an empty line.
func (d *tomlDocument) append(text string) {
	if len(d.data) > 0 {
		if !bytes.HasSuffix(d.data, []byte("\n")) {
			d.data = append(d.data, d.line...)
		}
		if !bytes.HasSuffix(d.data, []byte("\n"+d.line)) {
			d.data = append(d.data, d.line...)
		}
	}
	d.data = append(d.data, text...)
}

// span is the lines of one expression.
type span struct {
	from, to int
	table    bool
	key      []string // whole, the table's included
}

// spans are the expressions of a document.
func spans(data []byte) ([]span, error) {
	p := unstable.Parser{}
	p.Reset(data)
	var all []span
	var inside []string
	for p.NextExpression() {
		e := p.Expression()
		var key []string
		var from, to int
		for it := e.Key(); it.Next(); {
			n := it.Node()
			if len(key) == 0 {
				from = int(n.Raw.Offset)
			}
			key = append(key, string(n.Data))
			to = int(n.Raw.Offset) + int(n.Raw.Length)
		}
		s := span{table: e.Kind == unstable.Table || e.Kind == unstable.ArrayTable}
		if s.table {
			inside, s.key = key, key
		} else {
			s.key = append(slices.Clone(inside), key...)
			to = int(e.Raw.Offset) + int(e.Raw.Length)
		}
		s.from = bytes.LastIndexByte(data[:from], '\n') + 1
		s.to = len(data)
		if end := bytes.IndexByte(data[to:], '\n'); end >= 0 {
			s.to = to + end + 1
		}
		all = append(all, s)
	}
	if err := p.Error(); err != nil {
		return nil, errors.New("it is not TOML")
	}
	return all, nil
}

func below(key, prefix []string) bool {
	return len(key) >= len(prefix) && slices.Equal(key[:len(prefix)], prefix)
}

// drop removes every line of a table, those below it and the empty line that set
// it off. Comments that stand between its lines go with it.
func (d *tomlDocument) drop(key []string) error {
	all, err := spans(d.data)
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if !below(all[i].key, key) {
			continue
		}
		from, to := all[i].from, all[i].to
		for i > 0 && below(all[i-1].key, key) {
			i--
			from = all[i].from
		}
		rest := d.data[to:]
		if bytes.HasSuffix(d.data[:from], []byte("\n"+d.line)) && (len(rest) == 0 || bytes.HasPrefix(rest, []byte(d.line))) {
			from -= len(d.line)
		}
		d.data = append(d.data[:from:from], rest...)
	}
	return nil
}

// putBack copies servers from another file: by their lines where these stand
// for themselves, else by what they mean.
func (d *tomlDocument) putBack(e edit) error {
	from, ok := e.from.(*tomlDocument)
	if !ok {
		return errors.New("the backup is of another format")
	}
	all, err := spans(from.data)
	if err != nil {
		return err
	}
	have, err := decode(formatTOML, d.data)
	if err != nil {
		return err
	}
	original, err := decode(formatTOML, from.data)
	if err != nil {
		return err
	}
	for _, name := range e.back {
		key := append(slices.Clone(e.root), name)
		server, ok := at(original, e.root)[name]
		if !ok || at(have, e.root)[name] != nil {
			continue
		}
		text, whole := lines(from.data, all, key)
		if !whole {
			if text, err = meaning(key, server); err != nil {
				return err
			}
		}
		d.append(text)
	}
	return nil
}

// lines are those of a table; whole is false when some of it is written inside
// another table.
func lines(data []byte, all []span, key []string) (text string, whole bool) {
	var b strings.Builder
	opened := false
	for i, s := range all {
		if !below(s.key, key) {
			continue
		}
		if s.table {
			opened = true
		}
		if !opened {
			return "", false
		}
		from := s.from
		if i > 0 && below(all[i-1].key, key) {
			from = all[i-1].to // what stands between goes with them
		}
		b.Write(data[from:s.to])
	}
	return b.String(), opened
}

// meaning is a server written anew.
func meaning(key []string, server any) (string, error) {
	tree := server
	for _, k := range slices.Backward(key) {
		tree = map[string]any{k: tree}
	}
	text, err := toml.Marshal(tree)
	if err != nil {
		return "", errors.New("a server of the backup cannot be written anew")
	}
	return string(text), nil
}
