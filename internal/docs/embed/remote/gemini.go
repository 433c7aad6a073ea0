package remote

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"doorward/internal/docs"
)

// URLGemini is where Google's API answers.
const URLGemini = "https://generativelanguage.googleapis.com/v1beta"

// mostGemini is the most texts of one batchEmbedContents.
const mostGemini = 100

// GeminiSettings are a model of Google's Gemini API. Dial, Model and Dimensions are
// required; Key nil says that every caller brings a key. It is sent as x-goog-api-key.
type GeminiSettings struct {
	Place             // URL: empty is URLGemini
	Model      string // gemini-embedding-001
	Dimensions int    // sent as outputDimensionality
	// Prefixes are for models that know no taskType, such as gemini-embedding-2; with one of
	// them none is sent.
	Query   string // "task: search result | query: "
	Passage string // "title: none | text: "
}

// Gemini is a model of Google's Gemini API.
type Gemini struct {
	settings GeminiSettings
	client   *client
}

// NewGemini checks the settings. Nothing is asked yet.
func NewGemini(s GeminiSettings) (*Gemini, error) {
	if s.URL == "" {
		s.URL = URLGemini
	}
	s.Model = strings.TrimPrefix(s.Model, "models/")
	e := &Gemini{settings: s}
	err := checkModel(e.Model())
	switch {
	case err != nil:
	case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`).MatchString(s.Model):
		err = errors.New("a model's name has letters, digits, points, hyphens and underscores")
	default:
		e.client, err = newClient(s.Place)
	}
	if err != nil {
		return nil, fmt.Errorf("the embedder %s: %w", KindGemini, err)
	}
	return e, nil
}

// Model implements docs.Embedder. The prefixes are a part of the name, as OpenAI's are.
func (e *Gemini) Model() docs.Model {
	return docs.Model{Kind: KindGemini, Name: named(e.settings.Model, e.settings.Query, e.settings.Passage), Dimensions: e.settings.Dimensions}
}

// Most implements docs.Embedder.
func (*Gemini) Most() int { return mostGemini }

type geminiPart struct {
	Text string `json:"text"`
}

type geminiContent struct {
	Parts []geminiPart `json:"parts"`
}

type geminiQuestion struct {
	Model      string        `json:"model"`
	Content    geminiContent `json:"content"`
	Task       string        `json:"taskType,omitzero"`
	Dimensions int           `json:"outputDimensionality"`
}

type geminiBatch struct {
	Requests []geminiQuestion `json:"requests"`
}

type geminiVector struct {
	Values []float64 `json:"values"`
}

// Embed implements docs.Embedder.
func (e *Gemini) Embed(ctx context.Context, t docs.Texts) ([][]float32, error) {
	if err := checkTexts(&t, mostGemini); err != nil || len(t.All) == 0 {
		return nil, err
	}
	if e.client.secret == nil && t.Key.Reveal() == "" {
		return nil, docs.ErrNoKey
	}
	answers, err := e.ask(ctx, &t)
	if err != nil {
		return nil, err
	}
	if len(answers) != len(t.All) {
		return nil, fmt.Errorf("the embedder answers %d texts with %d vectors", len(t.All), len(answers))
	}
	vectors := make([][]float32, len(answers))
	for i := range answers {
		if vectors[i], err = unit(e.Model(), answers[i].Values); err != nil {
			return nil, of(i, len(answers), err)
		}
	}
	return vectors, nil
}

// ask has one text embedded by embedContent and several by batchEmbedContents, whose answer
// is in the order of the requests.
func (e *Gemini) ask(ctx context.Context, t *docs.Texts) ([]geminiVector, error) {
	q := question{header: "X-Goog-Api-Key", limit: limit(e.Model(), len(t.All))}
	requests := e.requests(t)
	if len(requests) == 1 {
		var answer struct {
			Embedding geminiVector `json:"embedding"`
		}
		q.url, q.body = e.client.base.JoinPath("models", e.settings.Model+":embedContent"), requests[0]
		err := e.client.ask(ctx, t, q, &answer)
		return []geminiVector{answer.Embedding}, err
	}
	var answer struct {
		Embeddings []geminiVector `json:"embeddings"`
	}
	q.url, q.body = e.client.base.JoinPath("models", e.settings.Model+":batchEmbedContents"), geminiBatch{requests}
	err := e.client.ask(ctx, t, q, &answer)
	return answer.Embeddings, err
}

// requests are one for each text.
func (e *Gemini) requests(t *docs.Texts) []geminiQuestion {
	task := "RETRIEVAL_DOCUMENT"
	switch {
	case e.settings.Query != "" || e.settings.Passage != "":
		task = ""
	case t.Query:
		task = "RETRIEVAL_QUERY"
	}
	requests := make([]geminiQuestion, len(t.All))
	for i, text := range prefixed(t, e.settings.Query, e.settings.Passage) {
		requests[i] = geminiQuestion{Model: "models/" + e.settings.Model, Content: geminiContent{[]geminiPart{{text}}}, Task: task, Dimensions: e.settings.Dimensions}
	}
	return requests
}

// Close implements docs.Embedder.
func (e *Gemini) Close() error {
	e.client.close()
	return nil
}
