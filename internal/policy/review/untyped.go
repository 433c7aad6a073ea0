package review

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"doorward/internal/gate"
)

// untyped offers types for parameters that look like more than text and have none,
// upstream by upstream: no rule judges them by meaning. Nothing is ever typed by its
// name alone.
func (v *view) untyped() {
	for _, up := range slices.Sorted(slices.Values(v.Upstreams)) {
		offers, users := v.offers(up)
		if len(offers) == 0 {
			continue
		}
		names := slices.Sorted(maps.Keys(offers))
		var told []string
		for _, n := range names {
			told = append(told, fmt.Sprintf("%s (%s)", n, some(users[n])))
		}
		var snippet strings.Builder
		snippet.WriteString("upstreams:\n  " + up + ":\n    arguments:\n")
		for _, n := range names {
			snippet.WriteString("      " + key(n) + ": " + offers[n] + "\n")
		}
		v.found = append(v.found, Finding{
			Severity: Hint, Path: "upstreams." + up + ".arguments",
			Text:    "parameters that look like more than text have no type, so no rule judges them by meaning: " + strings.Join(told, ", "),
			Advice:  "look at each, and add those that are what they look like",
			Snippet: snippet.String(),
		})
	}
}

// offers are the types that parameters of an upstream look like, and the tools that
// have them. A name that means different things to different tools is left out.
func (v *view) offers(up string) (offers map[string]string, users map[string][]string) {
	typed := map[string]bool{}
	for name := range v.Source.Arguments[up] {
		typed[fold(name)] = true
	}
	offers, users = map[string]string{}, map[string][]string{}
	unsure := map[string]bool{}
	opened := v.opened()
	for i := range v.Items {
		it := &v.Items[i]
		if it.Upstream != up || it.Kind != gate.Tool && it.Kind != gate.Prompt {
			continue
		}
		all, _ := v.parameters(i)
		for j := range all {
			p := &all[j]
			kind := looks(p, it)
			if typed[fold(p.name)] || gate.Visible(p.name) != p.name {
				continue
			}
			if was, ok := offers[p.name]; kind == "" || ok && was != kind {
				unsure[p.name] = true
				continue
			}
			if opened[i] {
				offers[p.name] = kind
				users[p.name] = append(users[p.name], it.Name)
			}
		}
	}
	maps.DeleteFunc(offers, func(name, _ string) bool { return unsure[name] })
	return offers, users
}

// opened are the items that some allow matches, by index.
func (v *view) opened() map[int]bool {
	all := map[int]bool{}
	for _, r := range v.Source.Roles {
		for _, e := range halfOf("", r.Allow, false) {
			for _, i := range v.lens(e.pattern).items {
				all[i] = true
			}
		}
	}
	return all
}

// The words that names of parameters end in, and names that say it as a whole.
//
//nolint:gochecknoglobals // tables; read-only
var (
	lastWords = map[string]string{
		"path": "path", "paths": "path", "file": "path", "files": "path", "filename": "path", "filepath": "path", "dir": "path",
		"directory": "path", "folder": "path",
		"url": "url", "urls": "url", "uri": "url", "uris": "url", "href": "url", "endpoint": "url", "webhook": "url",
		"host": "host", "hostname": "host", "hosts": "host",
		"sql": "sql", "command": "command", "cmd": "command", "email": "email", "emails": "email",
	}
	wholeNames = map[string]string{
		"source": "path", "destination": "path", "src": "path", "dst": "path", "dest": "path", "cwd": "path", "root": "path",
		"statement": "sql", "args": "command", "argv": "command",
		"to": "email", "cc": "email", "bcc": "email", "recipient": "email", "recipients": "email",
	}
	formats = map[string]string{
		"uri": "url", "url": "url", "iri": "url", "email": "email", "idn-email": "email",
		"hostname": "host", "idn-hostname": "host", "ipv4": "host", "ipv6": "host",
	}
	speaksSQL = regexp.MustCompile(`(?i)\bsql\b|\bselect\b.*\bfrom\b`)
)

// looks is the type that a parameter looks like; empty: text.
func looks(p *parameter, it *Item) string {
	if !p.text {
		return ""
	}
	if kind := formats[p.format]; kind != "" {
		return kind
	}
	words := wordsOf(p.name)
	if len(words) == 0 {
		return ""
	}
	if kind := lastWords[words[len(words)-1]]; kind != "" {
		return kind
	}
	if len(words) == 1 && words[0] == "query" {
		if speaksSQL.MatchString(p.about) || slices.Contains(wordsOf(it.Name), "sql") || slices.Contains(wordsOf(it.Upstream), "sql") {
			return "sql"
		}
		return ""
	}
	return wholeNames[strings.Join(words, "_")]
}

// wordsOf splits a name as people do: target_url, targetUrl, target-url, imageURL.
func wordsOf(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words, word = append(words, strings.ToLower(string(word))), nil
		}
	}
	runes := []rune(name)
	for i, c := range runes {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			end()
			continue
		case unicode.IsUpper(c) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, c)
	}
	end()
	return words
}

// fold makes one of names that differ in case, as policy does.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// key is a name as a key of YAML.
func key(name string) string {
	for i, c := range name {
		if c >= 0x80 || c != '_' && !unicode.IsLetter(c) && (i == 0 || c != '-' && !unicode.IsDigit(c)) {
			return fmt.Sprintf("%q", name)
		}
	}
	return name
}
