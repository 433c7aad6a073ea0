package remote_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"doorward/internal/docs"
	"doorward/internal/docs/embed/remote"
	"doorward/internal/gate"
)

var (
	_ docs.Embedder = (*remote.OpenAI)(nil)
	_ docs.Embedder = (*remote.Gemini)(nil)
)

// The stand-ins are written from the published references of both APIs: "Create
// embeddings" of OpenAI's, and models.embedContent and models.batchEmbedContents of
// Google's v1beta. They refuse what those do not have. Nothing here has spoken to the
// services themselves.

// asked is what a stand-in was asked.
type asked struct {
	path, key, task string
	texts           []string
	dimensions      int
}

// standIn answers as one of the APIs, and records.
type standIn struct {
	t      *testing.T
	mu     sync.Mutex
	all    []asked
	base64 bool    // OpenAI: vectors as base64, though floats were asked for
	length float64 // of the vectors
	native int     // dimensions of the model, where none are asked for
}

func (s *standIn) record(a asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, a)
}

// asked are the questions since the last time.
func (s *standIn) asked() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

// meaning is the model: a vector that only its text determines.
func (s *standIn) meaning(text string, dimensions int) []float64 {
	list, square := make([]float64, dimensions), 0.0
	for i := range list {
		h := fnv.New32a()
		fmt.Fprintf(h, "%d %s", i, text)
		list[i] = float64(int32(h.Sum32())) / math.MaxInt32
		square += list[i] * list[i]
	}
	for i := range list {
		list[i] *= s.length / math.Sqrt(square)
	}
	return list
}

func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"message": message}})
}

// openAI is POST /v1/embeddings.
func (s *standIn) openAI(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Format     string   `json:"encoding_format"`
		Dimensions *int     `json:"dimensions"`
	}
	if err := json.UnmarshalRead(r.Body, &q, json.RejectUnknownMembers(true)); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/embeddings" ||
		r.Header.Get("Content-Type") != "application/json" || q.Format != "float" || q.Model == "" || len(q.Input) == 0 || slices.Contains(q.Input, "") {
		refuse(w, http.StatusBadRequest, "not a request of this API")
		return
	}
	a := asked{path: r.URL.RequestURI(), key: r.Header.Get("Authorization"), texts: q.Input}
	dimensions := s.native
	if q.Dimensions != nil {
		dimensions, a.dimensions = *q.Dimensions, *q.Dimensions
	}
	s.record(a)
	type item struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	var data []item
	for i, text := range q.Input {
		it := item{"embedding", i, s.meaning(text, dimensions)}
		if s.base64 {
			var raw []byte
			for _, x := range s.meaning(text, dimensions) {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
			}
			it.Embedding = base64.StdEncoding.EncodeToString(raw)
		}
		data = append(data, it)
	}
	slices.Reverse(data) // the index says which is which
	answer(w, http.StatusOK, map[string]any{"object": "list", "data": data, "model": q.Model, "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}})
}

type geminiRequest struct {
	Model   string `json:"model"`
	Content struct {
		Parts []struct {
			Text string `json:"text"`
		} `json:"parts"`
	} `json:"content"`
	Task       string `json:"taskType"`
	Dimensions int    `json:"outputDimensionality"`
}

// gemini is POST /v1beta/models/MODEL:embedContent and :batchEmbedContents.
func (s *standIn) gemini(w http.ResponseWriter, r *http.Request) {
	model, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1beta/models/"), ":")
	batch := struct {
		Requests []geminiRequest `json:"requests"`
	}{make([]geminiRequest, 1)}
	var into any = &batch
	if method == "embedContent" {
		into = &batch.Requests[0]
	}
	key := r.Header.Get("x-goog-api-key")
	if err := json.UnmarshalRead(r.Body, into, json.RejectUnknownMembers(true)); err != nil || r.Method != http.MethodPost || method != "embedContent" && method != "batchEmbedContents" ||
		len(batch.Requests) == 0 || len(batch.Requests) > 100 {
		refuse(w, http.StatusBadRequest, "not a request of this API")
		return
	}
	a := asked{path: r.URL.RequestURI(), key: key}
	var vectors []map[string]any
	for _, q := range batch.Requests {
		if q.Model != "models/"+model || len(q.Content.Parts) != 1 {
			refuse(w, http.StatusBadRequest, "another model, or not one part")
			return
		}
		a.texts, a.task, a.dimensions = append(a.texts, q.Content.Parts[0].Text), q.Task, q.Dimensions
		vectors = append(vectors, map[string]any{"values": s.meaning(q.Content.Parts[0].Text, q.Dimensions)})
	}
	s.record(a)
	if key == "" {
		answer(w, http.StatusForbidden, map[string]any{"error": map[string]any{"code": 403, "message": "Method doesn't allow unregistered callers", "status": "PERMISSION_DENIED"}})
		return
	}
	if method == "embedContent" {
		answer(w, http.StatusOK, map[string]any{"embedding": vectors[0]})
		return
	}
	answer(w, http.StatusOK, map[string]any{"embeddings": vectors})
}

// place is where a handler answers on this machine.
func place(t testing.TB, h http.HandlerFunc) remote.Place {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return remote.Place{URL: srv.URL, Dial: new(net.Dialer).DialContext}
}

func secret(text string) func() (gate.Secret, error) {
	return func() (gate.Secret, error) { return gate.NewSecret(text), nil }
}

func openAI(t testing.TB, s remote.OpenAISettings) *remote.OpenAI {
	if s.Model == "" {
		s.Model, s.Dimensions = "m", 8
	}
	e, err := remote.NewOpenAI(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func gemini(t testing.TB, s remote.GeminiSettings) *remote.Gemini {
	if s.Model == "" {
		s.Model, s.Dimensions = "gemini-embedding-001", 8
	}
	e, err := remote.NewGemini(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// like says whether vectors are those of texts, of length 1.
func (s *standIn) like(vectors [][]float32, texts ...string) error {
	if len(vectors) != len(texts) {
		return fmt.Errorf("%d vectors of %d texts", len(vectors), len(texts))
	}
	for i, text := range texts {
		want := s.meaning(text, len(vectors[i]))
		square := 0.0
		for j, x := range vectors[i] {
			square += float64(x) * float64(x)
			if math.Abs(float64(x)-want[j]/s.length) > 1e-6 {
				return fmt.Errorf("vector %d is not that of %q", i, text)
			}
		}
		if math.Abs(square-1) > 1e-6 {
			return fmt.Errorf("vector %d has length %v", i, math.Sqrt(square))
		}
	}
	return nil
}
