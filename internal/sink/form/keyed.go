package form

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// keyed is a record beside the rest of its key.
type keyed struct {
	Origin string         `json:"origin"`
	Record jsontext.Value `json:"record"`
}

// Keyed is an object of the log's name and the record's line, byte for byte.
func Keyed(r *Record) ([]byte, error) {
	b, err := json.Marshal(keyed{r.Origin, jsontext.Value(r.Line)}, jsontext.PreserveRawStrings(true))
	if err != nil {
		return nil, fmt.Errorf("writing a record: %w", err)
	}
	return b, nil
}
