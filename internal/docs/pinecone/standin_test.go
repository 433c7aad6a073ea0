package pinecone_test

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// standIn answers as Pinecone's REST API of 2025-10 is published: what that does not know of
// a request it refuses, and what is written is found only by the query after the next. It is
// no Pinecone: no real one was asked.
type standIn struct {
	mu         sync.Mutex
	host       string
	dimension  int
	metric     string
	spec       string
	busy       int           // requests that are answered with 429 first
	held       bool          // no namespace is removed
	stuck      chan struct{} // nil, or gets each query: what is written is never found
	namespaces map[string]*space
}

// hold keeps namespaces from being removed, until what it returns is called.
func (s *standIn) hold(*testing.T) func() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = true
	return func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held = false
		n := 0
		for name := range s.namespaces {
			if strings.HasPrefix(name, "doorward-g") && !strings.HasSuffix(name, "-documents") {
				n++
			}
		}
		return n
	}
}

// space is a namespace: what is found in it, and what was written since.
type space struct {
	records       map[string]*stored
	log           []func()
	written, seen int
}

type terms struct {
	Indices []uint32  `json:"indices"`
	Values  []float64 `json:"values"`
}

type stored struct {
	ID       string         `json:"id"`
	Values   []float64      `json:"values"`
	Sparse   *terms         `json:"sparseValues,omitempty"`
	Metadata map[string]any `json:"metadata"`
}

func newStandIn(t *testing.T, metric string, dimension int) (*standIn, string) {
	t.Helper()
	s := &standIn{dimension: dimension, metric: metric, spec: "serverless", namespaces: map[string]*space{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
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
			_, _ = w.Write([]byte(`{"code":3,"message":"the key was sesame","details":[]}`))
		}
	}()
	if s.busy > 0 {
		s.busy--
		w.Header().Set("Retry-After", "0")
		panic(refusal(http.StatusTooManyRequests))
	}
	if r.Header.Get("Api-Key") != "sesame" {
		panic(refusal(http.StatusUnauthorized))
	}
	need(r.Header.Get("X-Pinecone-Api-Version") == "2025-10")
	answer, err := json.Marshal(s.answer(w, r))
	if err != nil {
		panic(err)
	}
	if r.URL.Path == "/query" {
		need(len(answer) <= 4<<20)
	}
	_, _ = w.Write(answer)
}

func need(ok bool) {
	if !ok {
		panic(refusal(http.StatusBadRequest))
	}
}

func (s *standIn) answer(w http.ResponseWriter, r *http.Request) any {
	switch at := r.Method + " " + r.URL.Path; at {
	case "GET /indexes/docs":
		return map[string]any{
			"name": "docs", "dimension": s.dimension, "metric": s.metric, "host": s.host, "vector_type": "dense", "deletion_protection": "disabled",
			"spec": map[string]any{s.spec: map[string]any{"cloud": "aws", "region": "us-east-1"}}, "status": map[string]any{"ready": true, "state": "Ready"},
		}
	case "POST /vectors/upsert":
		return s.upsert(w, r)
	case "POST /vectors/delete":
		return s.remove(w, r)
	case "POST /query":
		return s.query(w, r)
	case "GET /vectors/fetch":
		q := known(r, "ids", "namespace")
		need(len(q["ids"]) > 0 && len(q["ids"]) <= 1000 && len(r.URL.RawQuery) < 16<<10)
		found := map[string]any{}
		for _, id := range q["ids"] {
			if p := s.found(q["namespace"][0])[id]; p != nil {
				found[id] = p.out()
			}
		}
		return map[string]any{"vectors": found, "namespace": q["namespace"][0]}
	case "POST /vectors/fetch_by_metadata":
		return s.byMetadata(r)
	case "GET /vectors/list":
		q := known(r, "namespace", "prefix", "limit", "paginationToken")
		limit, err := strconv.Atoi(q["limit"][0])
		need(err == nil && limit >= 1 && limit <= 100)
		ids, next := page(s.found(q["namespace"][0]), limit, strings.Join(q["paginationToken"], ""), func(p *stored) bool { return strings.HasPrefix(p.ID, q["prefix"][0]) })
		listed := []any{}
		for _, id := range ids {
			listed = append(listed, map[string]any{"id": id})
		}
		return paged(map[string]any{"vectors": listed, "namespace": q["namespace"][0]}, next)
	case "POST /describe_index_stats":
		read[struct{}](r, 1<<10)
		counts, total := map[string]any{}, 0
		for name, n := range s.namespaces {
			counts[name] = map[string]any{"vectorCount": len(n.records)}
			total += len(n.records)
		}
		return map[string]any{"namespaces": counts, "dimension": s.dimension, "metric": s.metric, "vectorType": "dense", "totalVectorCount": total}
	default:
		name, ok := strings.CutPrefix(at, "DELETE /namespaces/")
		if !ok || s.namespaces[name] == nil {
			panic(refusal(http.StatusNotFound))
		}
		if s.held {
			panic(refusal(http.StatusInternalServerError))
		}
		delete(s.namespaces, name)
		return map[string]any{}
	}
}

// found are the records of a namespace that can be found; none where there is none.
func (s *standIn) found(name string) map[string]*stored {
	if n := s.namespaces[name]; n != nil {
		return n.records
	}
	return nil
}

// known refuses parameters that an operation does not have.
func known(r *http.Request, names ...string) map[string][]string {
	for name := range r.URL.Query() {
		need(slices.Contains(names, name))
	}
	return r.URL.Query()
}

// read decodes a body, and refuses members that it does not have, and one that is too long.
func read[T any](r *http.Request, most int) (v T) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	need(err == nil && len(body) <= most)
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	need(d.Decode(&v) == nil)
	return v
}

// wrote numbers a change, which is found later.
func (n *space) wrote(w http.ResponseWriter, change func()) {
	n.written++
	n.log = append(n.log, change)
	w.Header().Set("x-pinecone-request-lsn", strconv.Itoa(n.written))
}

func (s *standIn) upsert(w http.ResponseWriter, r *http.Request) any {
	asked := read[struct {
		Vectors   []*stored `json:"vectors"`
		Namespace string    `json:"namespace"`
	}](r, 2<<20)
	need(len(asked.Vectors) > 0 && len(asked.Vectors) <= 1000)
	for _, p := range asked.Vectors {
		s.check(p)
	}
	n := s.namespaces[asked.Namespace]
	if n == nil {
		n = &space{records: map[string]*stored{}}
		s.namespaces[asked.Namespace] = n
	}
	n.wrote(w, func() {
		for _, p := range asked.Vectors {
			n.records[p.ID] = p
		}
	})
	return map[string]any{"upsertedCount": len(asked.Vectors)}
}

// check refuses a record that Pinecone does not keep.
func (s *standIn) check(p *stored) {
	need(p.ID != "" && len(p.ID) <= 512 && strings.IndexFunc(p.ID, func(c rune) bool { return c > 126 }) < 0)
	need(len(p.Values) == s.dimension && slices.ContainsFunc(p.Values, func(x float64) bool { return x != 0 }))
	if p.Sparse != nil {
		need(len(p.Sparse.Indices) > 0 && len(p.Sparse.Indices) <= 1000 && len(p.Sparse.Indices) == len(p.Sparse.Values))
		seen := map[uint32]bool{}
		for _, n := range p.Sparse.Indices {
			need(!seen[n])
			seen[n] = true
		}
	}
	size, err := json.Marshal(p.Metadata)
	need(err == nil && len(size) <= 40<<10)
	for _, v := range p.Metadata {
		switch v := v.(type) {
		case string, float64, bool:
		case []any:
			for _, one := range v {
				_, text := one.(string)
				need(text)
			}
		default:
			need(false)
		}
	}
}

// out is a record as it is answered: numbers are floats.
func (p *stored) out() map[string]any {
	kept := map[string]any{}
	for name, v := range p.Metadata {
		if n, ok := v.(float64); ok && n == math.Trunc(n) {
			v = json.RawMessage(strconv.FormatFloat(n, 'f', 1, 64))
		}
		kept[name] = v
	}
	out := map[string]any{"id": p.ID, "values": p.Values, "metadata": kept}
	if p.Sparse != nil {
		out["sparseValues"] = p.Sparse
	}
	return out
}

func (s *standIn) remove(w http.ResponseWriter, r *http.Request) any {
	asked := read[struct {
		IDs       []string `json:"ids"`
		Namespace string   `json:"namespace"`
	}](r, 2<<20)
	need(len(asked.IDs) > 0 && len(asked.IDs) <= 1000)
	n := s.namespaces[asked.Namespace]
	if n == nil {
		panic(refusal(http.StatusNotFound))
	}
	n.wrote(w, func() {
		for _, id := range asked.IDs {
			delete(n.records, id)
		}
	})
	return map[string]any{}
}

// page are the IDs from a token on, and the next one.
func page(records map[string]*stored, limit int, token string, fits func(p *stored) bool) (ids []string, next string) {
	for id, p := range records {
		if id > token && fits(p) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	return ids, next
}

func paged(answer map[string]any, next string) map[string]any {
	if next != "" {
		answer["pagination"] = map[string]any{"next": next}
	}
	return answer
}

func (s *standIn) byMetadata(r *http.Request) any {
	asked := read[struct {
		Namespace string         `json:"namespace"`
		Filter    map[string]any `json:"filter"`
		Limit     int            `json:"limit"`
		Token     string         `json:"paginationToken"`
	}](r, 2<<20)
	need(asked.Limit >= 1 && asked.Limit <= 100 && len(asked.Filter) > 0)
	fits(asked.Filter, map[string]any{}) // or it would be looked at only where there is something
	records := s.found(asked.Namespace)
	ids, next := page(records, asked.Limit, asked.Token, func(p *stored) bool { return fits(asked.Filter, p.Metadata) })
	found := map[string]any{}
	for _, id := range ids {
		found[id] = records[id].out()
	}
	return paged(map[string]any{"vectors": found, "namespace": asked.Namespace}, next)
}

func (s *standIn) query(w http.ResponseWriter, r *http.Request) any {
	asked := read[struct {
		Namespace string         `json:"namespace"`
		TopK      int            `json:"topK"`
		Filter    map[string]any `json:"filter"`
		Vector    []float64      `json:"vector"`
		Sparse    *terms         `json:"sparseVector"`
		Metadata  bool           `json:"includeMetadata"`
	}](r, 2<<20)
	need(asked.TopK >= 1 && asked.TopK <= 10_000 && len(asked.Vector) == s.dimension)
	need(slices.ContainsFunc(asked.Vector, func(x float64) bool { return x != 0 }))
	need(asked.Sparse == nil || s.metric == "dotproduct" && len(asked.Sparse.Indices) > 0)
	if asked.Filter != nil {
		fits(asked.Filter, map[string]any{})
	}
	type match map[string]any
	matches := []match{}
	for _, p := range s.found(asked.Namespace) {
		if asked.Filter != nil && !fits(asked.Filter, p.Metadata) {
			continue
		}
		m := match{"id": p.ID, "score": s.score(p, asked.Vector, asked.Sparse)}
		if asked.Metadata {
			m["metadata"] = p.out()["metadata"]
		}
		matches = append(matches, m)
	}
	slices.SortFunc(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(b["score"].(float64), a["score"].(float64)), cmp.Compare(a["id"].(string), b["id"].(string)))
	})
	if n := s.namespaces[asked.Namespace]; n != nil {
		w.Header().Set("x-pinecone-max-indexed-lsn", strconv.Itoa(n.seen))
		if s.stuck != nil {
			s.stuck <- struct{}{}
		} else {
			for _, change := range n.log {
				change()
			}
			n.log, n.seen = nil, n.written
		}
	}
	return map[string]any{"matches": matches[:min(len(matches), asked.TopK)], "namespace": asked.Namespace, "usage": map[string]any{"readUnits": 1}}
}

func (s *standIn) score(p *stored, vector []float64, sparse *terms) float64 {
	var sum, a, b float64
	for i := range vector {
		sum += vector[i] * p.Values[i]
		a += vector[i] * vector[i]
		b += p.Values[i] * p.Values[i]
	}
	if s.metric == "cosine" {
		return sum / math.Sqrt(a*b)
	}
	if sparse != nil && p.Sparse != nil {
		for i, n := range sparse.Indices {
			if at := slices.Index(p.Sparse.Indices, n); at >= 0 {
				sum += sparse.Values[i] * p.Sparse.Values[at]
			}
		}
	}
	return sum
}

// fits tells whether a filter is true of metadata. Of a list it is true where it is of one of
// its texts.
func fits(f, kept map[string]any) bool {
	need(len(f) == 1)
	for name, v := range f {
		if name == "$and" || name == "$or" {
			of, ok := v.([]any)
			need(ok && len(of) > 0)
			n := 0
			for _, one := range of {
				if fits(one.(map[string]any), kept) {
					n++
				}
			}
			return n == len(of) || name == "$or" && n > 0
		}
		need(!strings.HasPrefix(name, "$"))
		operator, ok := v.(map[string]any)
		need(ok && len(operator) == 1)
		wanted, several := operator["$in"].([]any)
		if !several {
			one, ok := operator["$eq"]
			need(ok)
			wanted = []any{one}
		}
		need(len(wanted) > 0 && len(wanted) <= 10_000)
		has, list := kept[name].([]any)
		if !list {
			has = []any{kept[name]}
		}
		return slices.ContainsFunc(has, func(one any) bool { return slices.Contains(wanted, one) })
	}
	return false
}
