package config

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"doorward/internal/gate"
)

// BuiltinDocs serves documents to search.
const BuiltinDocs = "docs"

// Kinds of indexes and of embedders of builtin docs.
const (
	IndexEmbedded = "embedded"
	IndexPostgres = "postgres"
	IndexQdrant   = "qdrant"
	IndexPinecone = "pinecone"

	EmbedderLexical = "lexical"
	EmbedderOpenAI  = "openai"
	EmbedderGemini  = "gemini"
	EmbedderONNX    = "onnx"
)

// Bounds of builtin docs. The dimensions are the most that libraries and services index.
const (
	defaultPassage    = 1500
	minPassage        = 256
	maxPassage        = 8 << 10
	lexicalDimensions = 384
	maxDimensions     = 4096
	maxAccess         = 256
	maxPrefix         = 256 // bytes before a text that is embedded
)

// AnyRole stands in access rules for all roles: whoever may use the upstream.
const AnyRole = "*"

// DocumentIndex is where the passages of builtin docs are kept.
type DocumentIndex struct {
	// Kind: embedded is a file of Doorward's own, postgres a database with pgvector, qdrant and pinecone those services. embedded unless written.
	Kind string `yaml:"kind" enum:"embedded postgres qdrant pinecone"`
	// Path of the file of kind embedded. data_dir/docs/UPSTREAM.db unless written.
	Path string `yaml:"path" type:"path"`
	// DSN of kind postgres is the secret with the database's URL: postgres://USER:PASSWORD@HOST/DATABASE, to another machine with sslmode=verify-full.
	DSN string `yaml:"dsn" type:"secret name"`
	// URL of kind qdrant, https or http on loopback; of kind pinecone, that of its control plane unless it is Pinecone's own.
	URL string `yaml:"url" type:"url"`
	// Key is the secret with the API key of qdrant or pinecone.
	Key string `yaml:"key" type:"secret name"`
	// Name of the schema (postgres), the collection (qdrant) or the index (pinecone). The upstream's unless written.
	Name string `yaml:"name"`
	// CA is the file with the certificates, PEM, that the service's certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// DocumentEmbedder makes the vectors of builtin docs.
type DocumentEmbedder struct {
	// Kind: lexical needs no model and finds words and parts of them, not meaning; openai is any OpenAI-compatible endpoint; gemini is Google's; onnx runs a model of sentence-transformers here. lexical unless written.
	Kind string `yaml:"kind" enum:"lexical openai gemini onnx"`
	// Model is its name, which the index remembers: vectors of two models do not compare.
	Model string `yaml:"model"`
	// Dimensions of its vectors. The index, the model and this must agree. 384 for lexical.
	Dimensions int `yaml:"dimensions"`
	// URL of an endpoint: https, or http on loopback. For openai it ends before /embeddings (http://127.0.0.1:11434/v1); for gemini it is Google's unless written.
	URL string `yaml:"url" type:"url"`
	// Key is the secret with the API key, or for gemini request:HEADER of identity.request_keys for the caller's own, which goes with that call alone. None unless written.
	Key string `yaml:"key" type:"secret name"`
	// SendDimensions asks an openai endpoint for vectors of dimensions: for models that can shorten theirs.
	SendDimensions bool `yaml:"send_dimensions"`
	// QueryPrefix stands before questions, and passage_prefix before passages, for models that tell the two apart by words ("query: ", "passage: ").
	QueryPrefix string `yaml:"query_prefix"`
	// PassagePrefix stands before passages.
	PassagePrefix string `yaml:"passage_prefix"`
	// Directory of kind onnx with model.onnx and tokenizer.json.
	Directory string `yaml:"directory" type:"path"`
	// Digest of kind onnx that model.onnx must have: sha256: and 64 hex digits. Any unless written.
	Digest string `yaml:"digest"`
	// CA is the file with the certificates, PEM, that the endpoint's certificate is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
}

// DocumentAccess says who may read some documents.
type DocumentAccess struct {
	// Documents that it is about, by URI: docs://UPSTREAM/SOURCE/internal/**, as it reads, without escapes. * stands for anything but /, ** for any directories.
	Documents string `yaml:"documents" type:"pattern"`
	// Roles whose holders may read them; ["*"] is whoever may use the upstream.
	Roles []string `yaml:"roles" type:"role"`
}

func (u *Upstream) finishDocs() {
	if u.Index.Kind == "" {
		u.Index.Kind = IndexEmbedded
	}
	e := &u.Embedder
	if e.Kind == "" {
		e.Kind = EmbedderLexical
	}
	if e.Kind == EmbedderLexical && e.Dimensions == 0 {
		e.Dimensions = lexicalDimensions
	}
	if u.Passage == 0 {
		u.Passage = defaultPassage
	}
	if u.Findings == "" {
		u.Findings = "block"
	}
	if u.Labels == nil {
		u.Labels = u.docsLabels()
	}
}

// docsLabels are what the tools and resources of builtin docs do with data unless somebody
// says so: documents were written by others, those with access rules are not public, and a
// question to an embedder or an index elsewhere leaves the house. PostgreSQL is taken to be
// of the house.
func (u *Upstream) docsLabels() map[string][]string {
	does := []string{"untrusted"}
	if len(u.Access) > 0 {
		does = append(does, "private")
	}
	labels := map[string][]string{"*": does}
	if e, x := &u.Embedder, &u.Index; e.Kind == EmbedderGemini && e.URL == "" || public(e.URL) || x.Kind == IndexPinecone || public(x.URL) {
		labels["search"] = append(slices.Clone(does), "leaves")
	}
	return labels
}

func (v *checker) docs(path string, u *Upstream) {
	v.index(path+".index", &u.Index)
	v.embedder(path+".embedder", &u.Embedder)
	if u.Passage < minPassage || u.Passage > maxPassage {
		v.fault(path+".passage", "must be 256B to 8KiB")
	}
	base := "docs://" + strings.TrimPrefix(path, "upstreams.") + "/"
	if len(u.Access) > maxAccess {
		v.fault(path+".access", "has more than %d rules", maxAccess)
	}
	for i, rule := range u.Access {
		at := fmt.Sprintf("%s.access[%d]", path, i)
		if !strings.HasPrefix(rule.Documents, base) || len(rule.Documents) > maxIgnore || strings.Count(rule.Documents, "{") > maxIgnoreBraces || !doublestar.ValidatePattern(rule.Documents) {
			v.fault(at+".documents", "must be a pattern of this upstream's URIs: %shandbook/internal/**", base)
		}
		if regexp.MustCompile(`%[0-9A-Fa-f]{2}`).MatchString(strings.ReplaceAll(strings.ToUpper(rule.Documents), "%2F", "")) {
			v.fault(at+".documents", "must be written as it reads, without escapes such as %%20: only a slash within a part stays %%2F")
		}
		if len(rule.Roles) == 0 {
			v.fault(at+".roles", "must name the roles that may read them")
		}
		if len(rule.Roles) == 1 && rule.Roles[0] == AnyRole {
			continue
		}
		for _, role := range rule.Roles {
			if _, ok := v.c.Roles[role]; !ok {
				v.fault(at+".roles", "there is no role %q", shorten(role))
			}
		}
	}
}

// belongs says that keys are another kind's.
func (v *checker) belongs(path, kind string, keys []kindsKey) {
	for _, k := range keys {
		if k.written && !slices.Contains(k.kinds, kind) {
			v.fault(path+"."+k.key, "is for kind %s", strings.Join(k.kinds, ", "))
		}
	}
}

// kindsKey is a key that some kinds have alone.
type kindsKey struct {
	key     string
	kinds   []string
	written bool
}

func (v *checker) index(path string, x *DocumentIndex) {
	services := []string{IndexQdrant, IndexPinecone}
	v.belongs(path, x.Kind, []kindsKey{
		{"path", []string{IndexEmbedded}, x.Path != ""},
		{"dsn", []string{IndexPostgres}, x.DSN != ""},
		{"url", services, x.URL != ""},
		{"key", services, x.Key != ""},
		{"ca", []string{IndexPostgres, IndexQdrant, IndexPinecone}, x.CA != ""},
		{"name", []string{IndexPostgres, IndexQdrant, IndexPinecone}, x.Name != ""},
	})
	if x.Name != "" && !matches(`^[a-z][a-z0-9_-]*$`, x.Name) {
		v.fault(path+".name", "must be lower-case letters, digits, - and _, and begin with a letter")
	}
	own := strings.TrimSuffix(strings.TrimPrefix(path, "upstreams."), ".index")
	if name := cmp.Or(x.Name, own); x.Kind == IndexPinecone && !regexp.MustCompile(`^[a-z0-9-]{1,45}$`).MatchString(name) {
		v.fault(path+".name", "must be 1 to 45 lower-case letters, digits and -, as Pinecone has it; it is the upstream's unless written")
	}
	switch x.Kind {
	case IndexPostgres:
		if x.DSN == "" {
			v.fault(path+".dsn", "is missing: it names the secret with the URL of the database")
		}
	case IndexQdrant:
		if x.URL == "" {
			v.fault(path+".url", "is missing: where Qdrant answers")
		}
	case IndexPinecone:
		if x.Key == "" {
			v.fault(path+".key", "is missing: it names the secret with the API key")
		}
	}
	v.service(path, x.URL, x.DSN, x.Key)
}

// service checks where a service is, and the secrets that it is used with.
func (v *checker) service(path, at, dsn, key string) {
	if at != "" {
		v.endpoint(path+".url", at)
		if u, err := url.Parse(at); err == nil && u.RawQuery != "" {
			v.fault(path+".url", "must have no query: a key belongs into a secret")
		}
	}
	if dsn != "" {
		v.reference(path+".dsn", dsn)
	}
	if key != "" {
		v.reference(path+".key", key)
	}
}

func (v *checker) embedder(path string, e *DocumentEmbedder) {
	openai, onnx, models := []string{EmbedderOpenAI}, []string{EmbedderONNX}, []string{EmbedderOpenAI, EmbedderGemini, EmbedderONNX}
	services := []string{EmbedderOpenAI, EmbedderGemini}
	v.belongs(path, e.Kind, []kindsKey{
		{"url", services, e.URL != ""},
		{"key", services, e.Key != ""},
		{"ca", services, e.CA != ""},
		{"model", models, e.Model != ""},
		{"send_dimensions", openai, e.SendDimensions},
		{"query_prefix", models, e.QueryPrefix != ""},
		{"passage_prefix", models, e.PassagePrefix != ""},
		{"directory", onnx, e.Directory != ""},
		{"digest", onnx, e.Digest != ""},
	})
	if _, err := gate.ParseDigest(e.Digest); e.Digest != "" && err != nil {
		v.fault(path+".digest", "must be sha256: and 64 hex digits")
	}
	if e.Dimensions < 1 || e.Dimensions > maxDimensions {
		v.fault(path+".dimensions", "must be the length of the model's vectors, 1 to %d", maxDimensions)
	}
	if len(e.QueryPrefix) > maxPrefix || len(e.PassagePrefix) > maxPrefix {
		v.fault(path, "a prefix has at most %d bytes", maxPrefix)
	}
	if e.Kind != EmbedderLexical && e.Model == "" {
		v.fault(path+".model", "must name the model")
	}
	v.line(path+".model", e.Model, maxPurpose)
	if e.Kind == EmbedderOpenAI && e.URL == "" {
		v.fault(path+".url", "is missing: where the endpoint answers, up to /v1")
	}
	if e.Kind == EmbedderONNX && e.Directory == "" {
		v.fault(path+".directory", "is missing: where model.onnx and tokenizer.json are")
	}
	key := e.Key
	if header, brought := RequestKey(e.Key); brought {
		key = ""
		if e.Kind != EmbedderGemini {
			v.fault(path+".key", "can be the caller's own for kind gemini alone")
		}
		v.requestKey(path+".key", header)
	}
	v.service(path, e.URL, "", key)
}
