package app

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/builtin"
	builtindocs "doorward/internal/builtin/docs"
	"doorward/internal/config"
	"doorward/internal/docs"
	"doorward/internal/docs/chunk"
	"doorward/internal/docs/embed"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/docs/embedded"
	"doorward/internal/docs/ingest"
	"doorward/internal/docs/pgvector"
	"doorward/internal/docs/pinecone"
	"doorward/internal/docs/qdrant"
	"doorward/internal/gate"
	"doorward/internal/inspect"
	"doorward/internal/upstream"
	"doorward/internal/webhook"
)

// docsServer is builtin docs.
type docsServer struct {
	Kind     string       `json:"kind"`
	Index    docsIndex    `json:"index"`
	Embedder docsEmbedder `json:"embedder"`
	Passage  int          `json:"passage"`
	Access   []docsAccess `json:"access,omitempty"`

	name string
	keep bool // documents in which something grave is found
}

type docsIndex struct {
	Kind string `json:"kind"`
	Path string `json:"path,omitempty"`
	DSN  string `json:"dsn,omitempty"` // the name of the secret, as Key is
	URL  string `json:"url,omitempty"`
	Key  string `json:"key,omitempty"`
	Name string `json:"name,omitempty"`

	ca string
}

type docsEmbedder struct {
	Kind           string `json:"kind"`
	Model          string `json:"model,omitempty"`
	Dimensions     int    `json:"dimensions"`
	URL            string `json:"url,omitempty"`
	Key            string `json:"key,omitempty"` // the name of the secret, or request:HEADER
	SendDimensions bool   `json:"send_dimensions,omitempty"`
	QueryPrefix    string `json:"query_prefix,omitempty"`
	PassagePrefix  string `json:"passage_prefix,omitempty"`
	Directory      string `json:"directory,omitempty"`
	Digest         string `json:"digest,omitempty"`

	ca string
}

// docsAccess is a rule that says who may read some documents.
type docsAccess struct {
	Documents string   `json:"documents"`
	Roles     []string `json:"roles"`
}

// docsOf is the upstream's builtin docs.
func docsOf(cfg *config.Config, name string) docsServer {
	u := cfg.Upstreams[name]
	x, e := &u.Index, &u.Embedder
	d := docsServer{
		Kind: u.Builtin, Passage: int(u.Passage), name: name, keep: u.Findings == "keep",
		Index: docsIndex{Kind: x.Kind, Path: x.Path, DSN: x.DSN, URL: x.URL, Key: x.Key, Name: x.Name, ca: x.CA},
		Embedder: docsEmbedder{
			Kind: e.Kind, Model: e.Model, Dimensions: e.Dimensions, URL: e.URL, Key: e.Key, SendDimensions: e.SendDimensions,
			QueryPrefix: e.QueryPrefix, PassagePrefix: e.PassagePrefix, Directory: e.Directory, Digest: e.Digest, ca: e.CA,
		},
	}
	if d.Index.Kind == config.IndexEmbedded && d.Index.Path == "" {
		d.Index.Path = filepath.Join(cfg.DataDir, "docs", name+".db")
	}
	if d.Index.Kind != config.IndexEmbedded && d.Index.Name == "" {
		d.Index.Name = name
	}
	for _, rule := range u.Access {
		d.Access = append(d.Access, docsAccess{rule.Documents, slices.Sorted(slices.Values(rule.Roles))})
	}
	return d
}

// server implements builtinServer.
func (d docsServer) server(a *App, health func(error)) (*builtin.Server, error) {
	c, err := d.collection(func(name string) (gate.Secret, error) { return a.secretsNow().Get(name) })
	if err != nil {
		return nil, err
	}
	s, stop := builtindocs.New(builtindocs.Settings{
		Name: d.name, Library: c.library(), Roles: upstream.HeaderRoles, Key: d.requestKey(), Log: a.Log, Version: builtinVersion, Health: health,
	})
	return builtin.Serve(s, stop), nil
}

// requestKey is the header in which callers bring their own keys; empty where the operator's
// is used, or none.
func (d docsServer) requestKey() string {
	if header, brought := config.RequestKey(d.Embedder.Key); brought {
		return header
	}
	return ""
}

// collection is an index and its embedder, and how documents are brought into it.
type collection struct {
	index    docs.Writable
	embedder docs.Embedder
	wanted   docs.Wanted
	bounds   chunk.Bounds
}

func (c *collection) library() *docs.Library {
	return &docs.Library{Index: c.index, Embedder: c.embedder, Wanted: c.wanted}
}

func (c *collection) close() error {
	err := c.index.Close()
	if e := c.embedder.Close(); err == nil {
		err = e
	}
	return err
}

// Bounds of a passage, to its target: a smaller one is put together with the next, and what
// should stay whole may be larger (chunk.Bounds).
const (
	leastPassage = 5
	wholePassage = 4 << 10
)

// collection makes the parts. Nothing is asked of them yet. secret is how a secret is now.
func (d docsServer) collection(secret func(name string) (gate.Secret, error)) (*collection, error) {
	c := &collection{bounds: chunk.Bounds{Target: d.Passage, Min: d.Passage / leastPassage, Most: max(wholePassage, d.Passage)}}
	if err := c.bounds.Check(); err != nil {
		return nil, fmt.Errorf("passage: %w", err)
	}
	var err error
	if c.embedder, err = d.embedder(secret); err != nil {
		return nil, err
	}
	if c.index, err = d.index(secret); err != nil {
		return nil, err
	}
	c.wanted = docs.Wanted{Name: d.name, Model: c.embedder.Model(), Chunker: c.bounds.Name(), Access: d.rules()}
	return c, nil
}

// rules is the digest of the access rules, and of whose is what none of them is about.
func (d docsServer) rules() [sha256.Size]byte {
	raw, err := json.Marshal(d.Access)
	if err != nil { // of strings alone
		panic(err)
	}
	if len(d.Access) > 0 {
		raw = append(raw, docs.Nobody...)
	}
	return sha256.Sum256(raw)
}

// roles are those that may read a document; nil: whoever may use the server. Where there are
// rules, a document that none is about is nobody's: a pattern with a mistake in it must not
// open what it was to close. The URI is
// compared as it reads, each part without its escapes, and without a page's query too: the
// first rule counts that matches either. A slash within a part, as of a query, stays
// escaped: it makes no directory, so a document is always in those that its URI names.
func (d docsServer) roles(uri string) []string {
	parts := strings.Split(strings.TrimPrefix(uri, "docs://"), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = strings.ReplaceAll(plain, "/", "%2F")
		}
	}
	whole := strings.Join(parts, "/")
	page, _, _ := strings.Cut(whole, "?")
	for _, rule := range d.Access {
		pattern := strings.TrimPrefix(rule.Documents, "docs://")
		for _, plain := range [...]string{whole, page} {
			ok, err := doublestar.Match(pattern, plain)
			if err != nil { // what cannot be compared is nobody's
				return []string{docs.Nobody}
			}
			if ok {
				return holders(rule.Roles)
			}
		}
	}
	if len(d.Access) > 0 {
		return []string{docs.Nobody}
	}
	return nil
}

// holders are the roles of a rule; nil for one that is of everybody.
func holders(roles []string) []string {
	if slices.Contains(roles, config.AnyRole) {
		return nil
	}
	return roles
}

func (d docsServer) embedder(secret func(name string) (gate.Secret, error)) (docs.Embedder, error) {
	e := &d.Embedder
	set := embed.Settings{Kind: e.Kind, Model: e.Model, Dimensions: e.Dimensions, SendDimensions: e.SendDimensions, Query: e.QueryPrefix, Passage: e.PassagePrefix, Directory: e.Directory, Digest: strings.TrimPrefix(e.Digest, "sha256:")}
	if e.Kind == config.EmbedderOpenAI || e.Kind == config.EmbedderGemini {
		place, err := at(e.URL, e.ca)
		if err != nil {
			return nil, fmt.Errorf("embedder.%w", err)
		}
		if _, brought := config.RequestKey(e.Key); e.Key != "" && !brought {
			place.Key = func() (gate.Secret, error) { return secret(e.Key) }
		}
		set.Place = place
	}
	made, err := embed.New(set)
	if err != nil {
		return nil, fmt.Errorf("embedder: %w", err)
	}
	return made, nil
}

// at is where a service answers.
func at(raw, ca string) (remote.Place, error) {
	pool, err := roots(ca)
	if err != nil {
		return remote.Place{}, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return remote.Place{}, fmt.Errorf("url: %w", err)
	}
	return remote.Place{URL: raw, Roots: pool, Dial: webhook.Dialer(u.Scheme == "http").DialContext}, nil
}

func (d docsServer) index(secret func(name string) (gate.Secret, error)) (docs.Writable, error) {
	x := &d.Index
	to, err := at(x.URL, x.ca)
	if err != nil {
		return nil, fmt.Errorf("index.%w", err)
	}
	var made docs.Writable
	switch x.Kind {
	case config.IndexEmbedded:
		return embedded.New(x.Path), nil
	case config.IndexPostgres:
		made, err = pgvector.New(pgvector.Config{Schema: x.Name, Roots: to.Roots, DSN: func() (string, error) {
			s, err := secret(x.DSN)
			return s.Reveal(), err
		}})
	case config.IndexQdrant:
		place := qdrant.Place{URL: to.URL, Roots: to.Roots, Dial: to.Dial}
		if x.Key != "" {
			place.Key = func() (gate.Secret, error) { return secret(x.Key) }
		}
		made, err = qdrant.New(place, x.Name)
	case config.IndexPinecone:
		made, err = pinecone.New(pinecone.Place{
			URL: to.URL, Roots: to.Roots, Dial: to.Dial,
			Key: func() (gate.Secret, error) { return secret(x.Key) },
		}, x.Name)
	default:
		err = fmt.Errorf("there is no kind %s", x.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return made, nil
}

// inspect looks at a document before it is kept.
func (d docsServer) inspect(_ context.Context, text string) (ingest.Verdict, error) {
	found, worst := inspect.Document(text)
	return ingest.Verdict{Findings: found, Block: worst >= gate.High && !d.keep}, nil
}
