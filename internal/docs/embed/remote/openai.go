package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
)

// Kinds of embedders, in a configuration and in the description of an index.
const (
	KindOpenAI = "openai"
	KindGemini = "gemini"
)

// mostOpenAI is how many texts one request has: the most that Text Embeddings Inference takes
// by default.
const mostOpenAI = 32

// OpenAISettings are an embedder behind an OpenAI-compatible API: OpenAI, Ollama, Text
// Embeddings Inference, vLLM, LM Studio and others. URL, Dial, Model and Dimensions are
// required. The key is sent as a bearer token.
type OpenAISettings struct {
	Place          // URL: up to and with /v1; /embeddings is added where it is not its end
	Model          string
	Dimensions     int
	SendDimensions bool   // the model answers with as many dimensions as it is asked for
	Query          string // put before a question: "query: " of E5, "search_query: " of Nomic
	Passage        string // put before a passage: "passage: ", "search_document: "
}

// OpenAI is an embedder behind an OpenAI-compatible API.
type OpenAI struct {
	settings OpenAISettings
	client   *client
}

// NewOpenAI checks the settings. Nothing is asked yet.
func NewOpenAI(s OpenAISettings) (*OpenAI, error) {
	e := &OpenAI{settings: s}
	err := checkModel(e.Model())
	if err == nil {
		e.client, err = newClient(s.Place)
	}
	if err != nil {
		return nil, fmt.Errorf("the embedder %s: %w", KindOpenAI, err)
	}
	if !strings.HasSuffix(e.client.base.Path, "/embeddings") {
		e.client.base = e.client.base.JoinPath("embeddings")
	}
	return e, nil
}

// Model implements docs.Embedder. The prefixes are a part of the name: the same model makes
// other vectors with others.
func (e *OpenAI) Model() docs.Model {
	return docs.Model{Kind: KindOpenAI, Name: named(e.settings.Model, e.settings.Query, e.settings.Passage), Dimensions: e.settings.Dimensions}
}

// named is a model's name with the prefixes that its texts have.
func named(model, query, passage string) string {
	if query == "" && passage == "" {
		return model
	}
	return fmt.Sprintf("%s (%q, %q)", model, query, passage)
}

// Most implements docs.Embedder.
func (*OpenAI) Most() int { return mostOpenAI }

type openAIQuestion struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Format     string   `json:"encoding_format"`
	Dimensions int      `json:"dimensions,omitzero"`
}

type openAIAnswer struct {
	Data []struct {
		Index     *int           `json:"index"`
		Embedding jsontext.Value `json:"embedding"`
	} `json:"data"`
}

// Embed implements docs.Embedder. A vector belongs to the text that its index says,
// wherever it stands.
func (e *OpenAI) Embed(ctx context.Context, t docs.Texts) ([][]float32, error) {
	if err := checkTexts(&t, mostOpenAI); err != nil || len(t.All) == 0 {
		return nil, err
	}
	body := openAIQuestion{Model: e.settings.Model, Input: prefixed(&t, e.settings.Query, e.settings.Passage), Format: "float"}
	if e.settings.SendDimensions {
		body.Dimensions = e.settings.Dimensions
	}
	var answer openAIAnswer
	q := question{url: e.client.base, header: "Authorization", scheme: "Bearer ", body: body, limit: limit(e.Model(), len(t.All))}
	if err := e.client.ask(ctx, &t, q, &answer); err != nil {
		return nil, err
	}
	if len(answer.Data) != len(t.All) {
		return nil, fmt.Errorf("the embedder answers %d texts with %d vectors", len(t.All), len(answer.Data))
	}
	vectors := make([][]float32, len(t.All))
	for _, d := range answer.Data {
		if d.Index == nil || *d.Index < 0 || *d.Index >= len(vectors) || vectors[*d.Index] != nil {
			return nil, errors.New("the embedder's vectors do not say which text each is of: an index is missing, is there twice or is of no text")
		}
		list, err := numbers(d.Embedding)
		if err == nil {
			vectors[*d.Index], err = unit(e.Model(), list)
		}
		if err != nil {
			return nil, of(*d.Index, len(t.All), err)
		}
	}
	return vectors, nil
}

// prefixed are the texts with what the model wants before them.
func prefixed(t *docs.Texts, query, passage string) []string {
	before := passage
	if t.Query {
		before = query
	}
	if before == "" {
		return t.All
	}
	all := make([]string, len(t.All))
	for i, text := range t.All {
		all[i] = before + text
	}
	return all
}

// Close implements docs.Embedder.
func (e *OpenAI) Close() error {
	e.client.close()
	return nil
}
