package docs

import (
	"fmt"
)

// Wanted is what the configuration says that a collection is made with.
type Wanted struct {
	Name    string // of the upstream
	Model   Model
	Chunker string
	Access  [32]byte
}

// Metric is how vectors are compared. All are of length 1.
const Metric = "cosine"

// Made is the description of a generation made as the configuration says.
func (w Wanted) Made() Description {
	return Description{Embedder: w.Model.Kind, Model: w.Model.Name, Dimensions: w.Model.Dimensions, Metric: Metric, Chunker: w.Chunker, Access: w.Access}
}

// Fits holds a generation against the configuration, before anything is searched in it or
// written to it: *MismatchError for the first that differs. The chunker and the access rules
// may differ: an ingestion changes them.
func (w Wanted) Fits(s *State) error {
	again := fmt.Sprintf("make the index again (doorward docs reindex --upstream %s), or configure what it was made with", w.Name)
	made := &s.Made
	for _, side := range [...]struct{ what, here, there string }{
		{"embedders", w.Model.Kind, made.Embedder},
		{"models", w.Model.Name, made.Model},
		{"dimensions", fmt.Sprint(w.Model.Dimensions), fmt.Sprint(made.Dimensions)},
		{"metrics", Metric, made.Metric},
	} {
		if side.here != side.there {
			return &MismatchError{What: side.what, Here: "the configuration says " + side.here, There: "the index " + w.Name + " was made with " + side.there, Do: again}
		}
	}
	if s.Reports != made.Dimensions {
		return &MismatchError{
			What: "dimensions", Here: fmt.Sprintf("the configuration says %d", w.Model.Dimensions), There: fmt.Sprintf("the store of the index %s holds vectors of %d", w.Name, s.Reports), Do: again,
		}
	}
	return nil
}

// Serves holds a generation against the configuration before it is searched: as Fits, and
// its documents have their roles by the rules that are configured.
func (w Wanted) Serves(s *State) error {
	if err := w.Fits(s); err != nil {
		return err
	}
	if s.Made.Access != w.Access {
		return &MismatchError{
			What: "access rules", Here: "the configuration has changed", There: "the documents of the index " + w.Name + " have their roles by the rules from before",
			Do: "bring them in again (doorward docs ingest --upstream " + w.Name + ")",
		}
	}
	return nil
}

// fit refuses vectors of another length than the model's, which then is not what it was.
func (m Model) fit(vectors [][]float32, texts int) error {
	if len(vectors) != texts {
		return fmt.Errorf("the embedder %s answers %d texts with %d vectors", m.Name, texts, len(vectors))
	}
	for _, v := range vectors {
		if len(v) != m.Dimensions {
			return &MismatchError{
				What: "dimensions", Here: fmt.Sprintf("the configuration says %d", m.Dimensions), There: fmt.Sprintf("the embedder %s %s answers with vectors of %d", m.Kind, m.Name, len(v)),
				Do: "configure the model's own dimensions, or another model",
			}
		}
	}
	return nil
}
