package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tailscale/hujson"

	"doorward/internal/config"
)

// Seen is one server of a client's file, to be looked at and not taken over.
type Seen struct {
	Server
	Upstream config.Upstream // how it would be reached; of no use when LeftOut is set
	Line     int             // of the entry in File, from 1
	Literal  []string        // variables and headers whose value stands in the file, by name
	Dangers  []Danger        // of the command, its variables and its directory
	Project  string          // that the server is for, where the file has several; empty: for all
	Approves string          // the key by which the client carries calls out unasked; empty: none
	Query    bool            // the URL has a query or a user name, whose values are not kept
	Mode     fs.FileMode     // of File
}

// Look is every server of the client files that there are: of all clients, or of
// the files named. Nothing hides anything: two clients that start one server each
// start it. A file that cannot be read is noted where it was found, and an error
// where it was named.
func Look(env Env, files ...string) (all []Seen, read, notes []string, err error) {
	if len(files) > 0 {
		for _, f := range files {
			one, err := lookAt(env, f)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("reading %s: %w", f, err)
			}
			all, read = append(all, one...), append(read, f)
		}
		return all, read, nil, nil
	}
	done := map[string]bool{}
	for _, c := range Table() {
		for _, p := range c.places(env) {
			if done[p.Path] {
				continue
			}
			done[p.Path] = true
			one, err := lookAt(env, p.Path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil && !errors.Is(err, errNoServers):
				notes = append(notes, fmt.Sprintf("%s: %s: %v", c.Title, p.Path, err))
				continue
			}
			all, read = append(all, one...), append(read, p.Path)
		}
	}
	return all, read, notes, nil
}

var errNoServers = errors.New("there are no servers in it: neither mcpServers nor servers")

// roots are the keys that lead to servers in any client's file.
func roots(f format) [][]string {
	if f == formatTOML {
		return [][]string{{"mcp_servers"}}
	}
	return [][]string{{"customizations", "vscode", "mcp", "servers"}, {"mcp", "servers"}, {"context_servers"}, {"servers"}, {"mcpServers"}}
}

// Where Claude Code keeps what the user set up for one project: below the
// project's path, in the file that has all of the user's.
const (
	projects     = "projects"
	projectDepth = 3 // projects, the path, mcpServers
)

// ofProjects are the places in a file with servers for projects, in the order of
// their paths, but for those that are known already.
func ofProjects(tree map[string]any, file string, known []Place) []Place {
	var all []Place
	list := at(tree, []string{projects})
	for _, project := range slices.Sorted(maps.Keys(list)) {
		p := Place{Scope: ScopeLocal, Path: file, Root: []string{projects, project, "mcpServers"}}
		if len(at(tree, p.Root)) > 0 && !slices.ContainsFunc(known, func(k Place) bool { return slices.Equal(k.Root, p.Root) }) {
			all = append(all, p)
		}
	}
	return all
}

func lookAt(env Env, path string) ([]Seen, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(whole)
	if err != nil {
		return nil, err
	}
	data, err := readFile(whole)
	if err != nil {
		return nil, err
	}
	f := formatJSON
	if filepath.Ext(whole) == ".toml" {
		f = formatTOML
	}
	tree, err := decode(f, data)
	if err != nil {
		return nil, err
	}
	c := ownerOf(env, whole)
	places := []Place{}
	if c != nil {
		places = slices.DeleteFunc(slices.Clone(c.places(env)), func(p Place) bool { return p.Path != whole })
	}
	for _, root := range roots(f) {
		if !slices.ContainsFunc(places, func(p Place) bool { return slices.Equal(p.Root, root) }) {
			places = append(places, Place{Path: whole, Root: root})
		}
	}
	places = append(places, ofProjects(tree, whole, places)...)
	line := entryLines(f, data)
	var all []Seen
	for _, p := range places {
		found, err := entries(tree, c, p)
		if err != nil {
			return nil, err
		}
		for i := range found {
			all = append(all, found[i].seen(info.Mode(), line(p.Root, found[i].name)))
		}
	}
	if len(all) == 0 {
		return nil, errNoServers
	}
	return all, nil
}

// seen is the entry as it is looked at.
func (e *entry) seen(mode fs.FileMode, line int) Seen {
	s := Seen{Server: e.server(), Line: line, Mode: mode, Query: e.url != "" && shown(e.url) != e.url}
	s.Warnings, s.Approves, s.Dangers = e.warnings, e.approves, e.dangers()
	if len(e.root) == projectDepth && e.root[0] == projects {
		s.Project = e.root[1]
	}
	for _, v := range slices.Concat(e.env, e.headers) {
		if v.variable == "" {
			s.Literal = append(s.Literal, v.name)
		}
	}
	s.Transport = e.kind
	s.Upstream = config.Upstream{Command: e.command, URL: e.url}
	switch e.kind {
	case "sse":
		s.Upstream.Transport = "sse"
	case "ws":
		s.Upstream.Transport = "websocket"
	}
	return s
}

// entryLines tells on which line of a file a server's entry begins; 1 where it cannot
// be told.
func entryLines(f format, data []byte) func(root []string, name string) int {
	if f == formatTOML {
		return func(root []string, name string) int {
			q := regexp.QuoteMeta(name)
			at := regexp.MustCompile(`(?m)^[ \t]*\[+[ \t]*` + regexp.QuoteMeta(strings.Join(root, ".")) + `\s*\.\s*["']?` + q + `["']?\s*[.\]]`).FindIndex(data)
			return lineOf(data, at)
		}
	}
	v, err := hujson.Parse(bytes.Clone(bytes.TrimPrefix(data, []byte(bom))))
	return func(root []string, name string) int {
		if err != nil {
			return 1
		}
		var pointer strings.Builder
		for _, key := range append(slices.Clone(root), name) {
			pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
		}
		found := v.Find(pointer.String())
		if found == nil {
			return 1
		}
		return lineOf(data, []int{found.StartOffset})
	}
}

func lineOf(data []byte, at []int) int {
	if len(at) == 0 {
		return 1
	}
	return 1 + bytes.Count(data[:min(at[0], len(data))], []byte("\n"))
}
