package clients

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"doorward/internal/config"
)

// Import is what a first configuration takes over from clients.
type Import struct {
	Upstreams map[string]config.Upstream
	Secrets   map[string]config.Secret
	Servers   []Server
	Files     []string // that were read
	Notes     []string // about files that could not be read
}

// Server is one server of a client, and what became of it. It holds no value of
// a variable or a header.
type Server struct {
	Original  string   `json:"original"`       // in the client's file
	Name      string   `json:"name,omitempty"` // in the configuration; empty when left out
	Client    string   `json:"client,omitempty"`
	File      string   `json:"file"`
	Command   []string `json:"command,omitempty"`
	URL       string   `json:"url,omitempty"` // without its query, which may hold a key
	Transport string   `json:"transport,omitempty"`
	Variables []string `json:"variables,omitempty"` // that must be set where Doorward starts
	Dangers   []string `json:"dangers,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	LeftOut   string   `json:"left_out,omitempty"` // why; empty when taken over
}

// FromFile imports the servers of one file, whose client is told by its place
// where it can be.
func FromFile(env Env, path string) (*Import, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	data, err := readFile(whole)
	if err != nil {
		return nil, fmt.Errorf("reading the client's configuration: %w", err)
	}
	f := formatJSON
	if filepath.Ext(whole) == ".toml" {
		f = formatTOML
	}
	tree, err := decode(f, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c := ownerOf(env, whole)
	var all []entry
	for _, root := range roots(f) {
		found, err := entries(tree, c, Place{Path: whole, Root: root})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = hide(all, found)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: %w", path, errNoServers)
	}
	return collect([][]entry{all}, []string{whole}), nil
}

// ownerOf is the client that a file of this name and directory belongs to.
func ownerOf(env Env, path string) *Client {
	for _, c := range Table() {
		for _, p := range c.places(env) {
			if p.Path == path || filepath.Base(p.Path) == filepath.Base(path) && filepath.Base(filepath.Dir(p.Path)) == filepath.Base(filepath.Dir(path)) {
				return &c
			}
		}
	}
	return nil
}

// FromClient imports the servers of a client's files, the project's after the
// user's, as the client would.
func FromClient(env Env, c Client) (*Import, error) {
	all, files, err := c.read(env)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		var looked []string
		for _, p := range c.places(env) {
			looked = append(looked, p.Path)
		}
		return nil, fmt.Errorf("%s has no configuration here; looked for %s", c.Title, strings.Join(slices.Compact(looked), ", "))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no servers: there are none in %s", c.Title, strings.Join(files, ", "))
	}
	return collect([][]entry{all}, files), nil
}

// FromAll imports the servers of every client that has a file. One that cannot
// be read is noted and passed over.
func FromAll(env Env) (*Import, error) {
	var groups [][]entry
	var files, notes []string
	for _, c := range Table() {
		found, read, err := c.read(env)
		if err != nil {
			notes = append(notes, err.Error())
			continue
		}
		groups, files = append(groups, found), append(files, read...)
	}
	if len(files) == 0 {
		return nil, errors.Join(fmt.Errorf("no client has a configuration below %s or %s", env.Home, env.Project), errors.New(strings.Join(notes, "\n")))
	}
	im := collect(groups, files)
	im.Notes = notes
	if len(im.Servers) == 0 {
		return nil, fmt.Errorf("there are no servers in %s", strings.Join(files, ", "))
	}
	return im, nil
}

// read is every server of the client's files, and which files there were.
func (c *Client) read(env Env) (all []entry, files []string, err error) {
	trees := map[string]map[string]any{}
	for _, p := range c.places(env) {
		tree, seen := trees[p.Path]
		if !seen {
			data, err := readFile(p.Path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.Title, err)
			}
			if tree, err = decode(c.format, data); err != nil {
				return nil, nil, fmt.Errorf("%s: %s: %w", c.Title, p.Path, err)
			}
			trees[p.Path] = tree
			files = append(files, p.Path)
		}
		found, err := entries(tree, c, p)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", c.Title, p.Path, err)
		}
		all = hide(all, found)
	}
	return all, files, nil
}

// hide adds what was found to what there is; of two with one name the later
// stays.
func hide(all, found []entry) []entry {
	for i := range found {
		at := slices.IndexFunc(all, func(e entry) bool { return e.name == found[i].name })
		if at < 0 {
			continue
		}
		if all[at].file != found[i].file {
			found[i].warn("is in %s too, which it hides", all[at].file)
		}
		all = slices.Delete(all, at, at+1)
	}
	return append(all, found...)
}

// collect makes a configuration of what was read, one group for each client.
func collect(groups [][]entry, files []string) *Import {
	im := &Import{Upstreams: map[string]config.Upstream{}, Secrets: map[string]config.Secret{}, Files: files}
	n := naming{im: im, variables: map[string]use{}}
	n.reserve(groups)
	var taken []entry
	for _, group := range groups {
		slices.SortStableFunc(group, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
		for _, e := range group {
			s := e.server()
			twin := slices.IndexFunc(taken, func(t entry) bool { return same(&t, &e) })
			switch {
			case s.LeftOut != "":
			case twin >= 0:
				s.LeftOut = "it is the same as " + taken[twin].name
			case len(im.Upstreams) >= maxServers:
				s.LeftOut = fmt.Sprintf("there are more than %d servers", maxServers)
			default:
				n.take(&e, &s)
				taken = append(taken, e)
				s.refused(im.Upstreams[s.Name])
			}
			im.Servers = append(im.Servers, s)
		}
	}
	return im
}

// refused warns of what the launch rules say against a server's command: it is written as
// a comment then.
func (s *Server) refused(u config.Upstream) {
	for _, b := range u.Unlaunchable() {
		s.Warnings = append(s.Warnings, fmt.Sprintf("it stays a comment in the configuration until this is settled (launch rule %s): %s", b.Rule, b))
	}
}

// same tells whether two entries are one server, reached in the same way.
func same(a, b *entry) bool {
	return a.kind == b.kind && a.url == b.url && slices.Equal(a.command, b.command) && slices.Equal(a.env, b.env) && slices.Equal(a.headers, b.headers)
}

// server is the entry for people, and why it is left out, if it is.
func (e *entry) server() Server {
	s := Server{Original: e.name, File: e.file, Command: e.command, URL: shown(e.url)}
	if e.client != nil {
		s.Client = e.client.Name
	}
	switch {
	case e.broken != "":
		s.LeftOut = e.broken
	case e.isDoorward():
		s.LeftOut = "it is Doorward itself"
	case e.kind == "":
		s.LeftOut = "it has neither command nor url"
	}
	return s
}

// shown is a URL without what may be a key.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
