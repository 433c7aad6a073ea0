package remote

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
)

// checkModel refuses what cannot be a model.
func checkModel(m docs.Model) error {
	switch {
	case m.Name == "" || len(m.Name) > maxModel:
		return fmt.Errorf("a model is required, with a name of at most %d bytes", maxModel)
	case m.Dimensions < 1 || m.Dimensions > docs.MaxDimension:
		return fmt.Errorf("the model's dimensions are required: 1 to %d", docs.MaxDimension)
	}
	return nil
}

// limit is how long the answer to so many texts may be, in bytes. One text may be answered
// with as many dimensions as there can be, so that the error says how many there were.
func limit(m docs.Model, texts int) int64 {
	return 64<<10 + int64(max(texts*(m.Dimensions*maxNumber+1024), docs.MaxDimension*maxNumber))
}

// checkTexts refuses more texts than are embedded together.
func checkTexts(t *docs.Texts, most int) error {
	if len(t.All) > most {
		return fmt.Errorf("%d texts were to be embedded together, and %d may be", len(t.All), most)
	}
	return nil
}

// numbers are those of a vector, as an array or as base64 of 32-bit numbers, little end
// first (encoding_format of OpenAI).
func numbers(v jsontext.Value) (list []float64, err error) {
	if v.Kind() != '"' {
		if v.Kind() != '[' || json.Unmarshal(v, &list) != nil {
			return nil, errors.New("is no list of numbers")
		}
		return list, nil
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		return nil, errors.New("is no text")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return nil, errors.New("is no base64 of numbers of 32 bits")
	}
	list = make([]float64, len(raw)/4)
	for i := range list {
		list[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return list, nil
}

// unit is a vector brought to length 1: models that cut theirs short leave them shorter.
func unit(m docs.Model, list []float64) ([]float32, error) {
	if len(list) != m.Dimensions {
		return nil, &docs.MismatchError{
			What: "dimensions", Here: fmt.Sprintf("the configuration says %d", m.Dimensions), There: fmt.Sprintf("the embedder %s %s answers with vectors of %d", m.Kind, m.Name, len(list)),
			Do: "configure the model's own dimensions, have them sent if it can answer with others, or configure another model",
		}
	}
	square := 0.0
	for _, x := range list {
		square += x * x
	}
	switch {
	case math.IsNaN(square) || math.IsInf(square, 0):
		return nil, errors.New("holds a number that is none, or is too large")
	case square < 1e-60:
		return nil, errors.New("is zero, and cannot be compared with others")
	}
	length, v := math.Sqrt(square), make([]float32, len(list))
	for i, x := range list {
		v[i] = float32(x / length)
	}
	return v, nil
}

// of says which text's vector an error is about.
func of(i, texts int, err error) error {
	return fmt.Errorf("the embedder's vector of text %d of %d %w", i+1, texts, err)
}
