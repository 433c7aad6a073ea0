package qdrant_test

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// standIn answers as Qdrant's REST API says (openapi.json of v1.19): what it does not know of
// a request it refuses. It is no Qdrant: there was none to test against.
type standIn struct {
	mu          sync.Mutex
	key         string
	version     string
	collections map[string]*collection
	aliases     map[string]string
	busy        int  // requests that are answered with 429 first
	held        bool // no collection is removed
}

// hold keeps collections from being removed, until what it returns is called.
func (s *standIn) hold(*testing.T) func() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	return func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = false
		return len(s.collections) - 1 // but that of who writes
	}
}

type collection struct {
	size    int // of the vector meaning; 0: it has none
	idf     bool
	indexed map[string]string
	points  map[string]*stored
}

type stored struct {
	meaning []float64
	words   *terms
	payload map[string]any
}

type terms struct {
	Indices []uint32  `json:"indices"`
	Values  []float64 `json:"values"`
}

type match struct {
	Value any      `json:"value"`
	Any   []string `json:"any"`
}

type condition struct {
	Key    string      `json:"key"`
	Match  *match      `json:"match"`
	Range  *span       `json:"range"`
	Must   []condition `json:"must"`
	Should []condition `json:"should"`
}

type span struct {
	LT  *float64 `json:"lt"`
	GTE *float64 `json:"gte"`
}

func newStandIn(t *testing.T) (*standIn, string) {
	t.Helper()
	s := &standIn{key: "sesame", version: "1.19.0", collections: map[string]*collection{}, aliases: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// refusal is an answer that is an error.
type refusal int

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if no, ok := recover().(refusal); ok {
			w.WriteHeader(int(no))
			_, _ = w.Write([]byte(`{"status":{"error":"the key was sesame"},"time":0}`))
		}
	}()
	if s.busy > 0 {
		s.busy--
		w.Header().Set("Retry-After", "0")
		panic(refusal(http.StatusTooManyRequests))
	}
	if r.Header.Get("Api-Key") != s.key {
		panic(refusal(http.StatusForbidden))
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var result any
	switch at := r.Method + " " + strings.Join(path[min(len(path), 2):], "/"); {
	case r.URL.Path == "" || r.URL.Path == "/":
		_ = json.NewEncoder(w).Encode(map[string]any{"title": "qdrant", "version": s.version})
		return
	case path[0] != "collections":
		panic(refusal(http.StatusNotFound))
	case len(path) == 1 && r.Method == http.MethodGet:
		names := []any{}
		for name := range s.collections {
			names = append(names, map[string]any{"name": name})
		}
		result = map[string]any{"collections": names}
	case len(path) == 2 && path[1] == "aliases" && r.Method == http.MethodPost:
		result = s.alias(r)
	case at == "PUT ":
		result = s.create(r, path[1])
	case at == "DELETE " && s.held:
		panic(refusal(http.StatusInternalServerError))
	case at == "DELETE ":
		if s.collections[path[1]] == nil {
			panic(refusal(http.StatusNotFound))
		}
		delete(s.collections, path[1])
		for alias, to := range s.aliases {
			if to == path[1] {
				delete(s.aliases, alias)
			}
		}
		result = true
	default:
		result = s.within(r, s.find(path[1]), at)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "status": "ok", "time": 0.001})
}

func (s *standIn) find(name string) *collection {
	if to, ok := s.aliases[name]; ok {
		name = to
	}
	if c := s.collections[name]; c != nil {
		return c
	}
	panic(refusal(http.StatusNotFound))
}

// read decodes a body, and refuses members that it does not have, and more than 32 MB.
func read[T any](r *http.Request) (v T) {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 32<<20))
	d.DisallowUnknownFields()
	if d.Decode(&v) != nil {
		panic(refusal(http.StatusBadRequest))
	}
	return v
}

func (s *standIn) alias(r *http.Request) any {
	type action struct {
		Create *struct {
			Collection string `json:"collection_name"`
			Alias      string `json:"alias_name"`
		} `json:"create_alias"`
		Delete *struct {
			Alias string `json:"alias_name"`
		} `json:"delete_alias"`
	}
	for _, a := range read[struct {
		Actions []action `json:"actions"`
	}](r).Actions {
		switch {
		case a.Delete != nil:
			delete(s.aliases, a.Delete.Alias)
		case a.Create == nil || s.collections[a.Create.Collection] == nil || s.collections[a.Create.Alias] != nil:
			panic(refusal(http.StatusNotFound))
		default:
			s.aliases[a.Create.Alias] = a.Create.Collection
		}
	}
	return true
}

func (s *standIn) create(r *http.Request, name string) any {
	asked := read[struct {
		Vectors map[string]struct {
			Size     int    `json:"size"`
			Distance string `json:"distance"`
		} `json:"vectors"`
		Sparse map[string]struct {
			Modifier string `json:"modifier"`
		} `json:"sparse_vectors"`
	}](r)
	if s.collections[name] != nil || s.aliases[name] != "" {
		panic(refusal(http.StatusConflict))
	}
	c := &collection{indexed: map[string]string{}, points: map[string]*stored{}}
	for at, v := range asked.Vectors {
		if at != "meaning" || v.Distance != "Cosine" || v.Size < 1 || v.Size > 65535 {
			panic(refusal(http.StatusUnprocessableEntity))
		}
		c.size = v.Size
	}
	c.idf = asked.Sparse["words"].Modifier == "idf"
	s.collections[name] = c
	return true
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (s *standIn) within(r *http.Request, c *collection, at string) any {
	if r.Method == http.MethodPut || at == "POST points/delete" { // or what is written is found some time later
		if r.URL.RawQuery != "wait=true" {
			panic(refusal(http.StatusBadRequest))
		}
	}
	switch at {
	case "GET ":
		vectors := map[string]any{}
		if c.size > 0 {
			vectors["meaning"] = map[string]any{"size": c.size, "distance": "Cosine"}
		}
		return map[string]any{"status": "green", "config": map[string]any{"params": map[string]any{"vectors": vectors}}}
	case "PUT index":
		f := read[struct {
			Name   string `json:"field_name"`
			Schema string `json:"field_schema"`
		}](r)
		c.indexed[f.Name] = f.Schema
	case "PUT points":
		c.upsert(r)
	case "POST points":
		asked := read[struct {
			IDs     []string `json:"ids"`
			Payload bool     `json:"with_payload"`
		}](r)
		found := []any{}
		for _, id := range asked.IDs {
			if p := c.points[id]; p != nil {
				found = append(found, map[string]any{"id": id, "payload": p.payload})
			}
		}
		return found
	case "POST points/delete":
		f := read[struct {
			Filter *condition `json:"filter"`
		}](r).Filter
		for id, p := range c.points {
			if c.fits(f, p) {
				delete(c.points, id)
			}
		}
	case "POST points/count":
		f := read[struct {
			Filter *condition `json:"filter"`
			Exact  bool       `json:"exact"`
		}](r)
		return map[string]any{"count": len(c.among(f.Filter))}
	case "POST points/scroll":
		return c.scroll(r)
	case "POST points/query/batch":
		return c.query(r)
	default:
		panic(refusal(http.StatusNotFound))
	}
	return map[string]any{"operation_id": 1, "status": "completed"}
}

func (c *collection) upsert(r *http.Request) {
	asked := read[struct {
		Points []struct {
			ID     string                     `json:"id"`
			Vector map[string]json.RawMessage `json:"vector"`
			Load   map[string]any             `json:"payload"`
		} `json:"points"`
		Only *condition `json:"update_filter"`
	}](r)
	for _, p := range asked.Points {
		next := &stored{payload: p.Load}
		for name, v := range p.Vector {
			switch {
			case name == "meaning" && json.Unmarshal(v, &next.meaning) == nil && len(next.meaning) == c.size:
			case name == "words" && c.idf && json.Unmarshal(v, &next.words) == nil && proper(next.words):
			default:
				panic(refusal(http.StatusBadRequest))
			}
		}
		if !uuid.MatchString(p.ID) || p.Vector == nil {
			panic(refusal(http.StatusBadRequest))
		}
		if old := c.points[p.ID]; old == nil || asked.Only == nil || c.fits(asked.Only, old) {
			c.points[p.ID] = next
		}
	}
}

// proper tells whether a sparse vector has as many values as numbers, each number once.
func proper(t *terms) bool {
	sorted := slices.Sorted(slices.Values(t.Indices))
	return len(t.Indices) == len(t.Values) && len(slices.Compact(sorted)) == len(t.Values)
}

// fits tells whether a filter or a condition is true of a point.
func (c *collection) fits(f *condition, p *stored) bool {
	if f == nil {
		return true
	}
	for i := range f.Must {
		if !c.fits(&f.Must[i], p) {
			return false
		}
	}
	if len(f.Should) > 0 && !slices.ContainsFunc(f.Should, func(s condition) bool { return c.fits(&s, p) }) {
		return false
	}
	if f.Key == "" {
		return true
	}
	values := []any{p.payload[f.Key]}
	if list, ok := values[0].([]any); ok {
		values = list
	}
	return slices.ContainsFunc(values, func(v any) bool {
		n, number := v.(float64)
		switch {
		case f.Match != nil && f.Match.Any != nil:
			text, ok := v.(string)
			return ok && slices.Contains(f.Match.Any, text)
		case f.Match != nil:
			return v == f.Match.Value
		case f.Range != nil:
			return number && (f.Range.LT == nil || n < *f.Range.LT) && (f.Range.GTE == nil || n >= *f.Range.GTE)
		}
		panic(refusal(http.StatusBadRequest))
	})
}

// among are the ids of the points that a filter is true of, in their order.
func (c *collection) among(f *condition) (ids []string) {
	for id, p := range c.points {
		if c.fits(f, p) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (c *collection) scroll(r *http.Request) any {
	asked := read[struct {
		Filter *condition `json:"filter"`
		Limit  int        `json:"limit"`
		Offset string     `json:"offset"`
		Fields []string   `json:"with_payload"`
	}](r)
	if asked.Limit < 1 {
		panic(refusal(http.StatusUnprocessableEntity))
	}
	points, next := []any{}, any(nil)
	for _, id := range c.among(asked.Filter) {
		if id < asked.Offset {
			continue
		}
		if len(points) == asked.Limit {
			next = id
			break
		}
		kept := map[string]any{}
		for _, f := range asked.Fields {
			if v, ok := c.points[id].payload[f]; ok {
				kept[f] = v
			}
		}
		points = append(points, map[string]any{"id": id, "payload": kept})
	}
	return map[string]any{"points": points, "next_page_offset": next}
}

type scored struct {
	ID      string         `json:"id"`
	Score   float64        `json:"score"`
	Payload map[string]any `json:"payload"`
}

func (c *collection) query(r *http.Request) any {
	answers := []any{}
	for _, q := range read[struct {
		Searches []struct {
			Query   json.RawMessage `json:"query"`
			Using   string          `json:"using"`
			Filter  *condition      `json:"filter"`
			Limit   int             `json:"limit"`
			Payload bool            `json:"with_payload"`
			Params  struct {
				Exact bool `json:"exact"`
			} `json:"params"`
		} `json:"searches"`
	}](r).Searches {
		var dense []float64
		var sparse terms
		near := q.Using == "meaning" && json.Unmarshal(q.Query, &dense) == nil && len(dense) == c.size && q.Params.Exact
		said := q.Using == "words" && json.Unmarshal(q.Query, &sparse) == nil && proper(&sparse)
		if !near && !said {
			panic(refusal(http.StatusBadRequest))
		}
		found := []scored{}
		for _, id := range c.among(q.Filter) {
			p := c.points[id]
			if score, ok := c.score(p, dense, &sparse); ok {
				found = append(found, scored{id, score, p.payload})
			}
		}
		slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.Score, a.Score) })
		answers = append(answers, map[string]any{"points": found[:min(len(found), q.Limit)]})
	}
	return answers
}

// score is the cosine, or what the numbers that both have give, each weighed by how rare it
// is: ln((N - n + 0.5) / (n + 0.5) + 1), as Qdrant's documentation of the modifier has it.
func (c *collection) score(p *stored, dense []float64, sparse *terms) (sum float64, ok bool) {
	if dense != nil {
		for i := range p.meaning {
			sum += p.meaning[i] * dense[i]
		}
		return sum, p.meaning != nil
	}
	if p.words == nil {
		return 0, false
	}
	for i, n := range sparse.Indices {
		at := slices.Index(p.words.Indices, n)
		if at < 0 {
			continue
		}
		all, with := 0.0, 0.0
		for _, other := range c.points {
			if other.words != nil {
				all++
				if slices.Contains(other.words.Indices, n) {
					with++
				}
			}
		}
		ok = true
		sum += sparse.Values[i] * p.words.Values[at] * math.Log((all-with+0.5)/(with+0.5)+1)
	}
	return sum, ok
}
