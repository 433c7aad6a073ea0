package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"doorward/internal/app"
)

// modelJSON is what came of downloading a model.
type modelJSON struct {
	Directory string `json:"directory"`
	Fetched   bool   `json:"fetched"` // anything was downloaded
}

func (r *run) docsFetchModel() *cobra.Command {
	var o app.ModelOptions
	c := &cobra.Command{
		Use: "fetch-model", Short: "Download the files of an onnx embedder's model, by their digests", Args: cobra.NoArgs,
		Long: `Download model.onnx and tokenizer.json to embedder.directory, and 1_Pooling/config.json where
--pooling-url says where it is, those that are not there yet: over https, redirects too, from
public addresses, within an hour each. A model that is there as onnx/model.onnx, as hubs have
it, is there. A file that has another digest than was said is thrown away, and one that is
there with another is left as it is: both are errors, and so is a model that does not pool by
the mean. The files belong to whoever runs this, and nobody else may read them: run it as the
gateway's user. Nothing else of Doorward downloads a model. Take the digests from whoever
publishes it, and write that of the model into embedder.digest.`,
		Example: `  doorward docs fetch-model --url https://models.example.com/minilm/onnx/model.onnx --digest sha256:… \
    --tokenizer-url https://models.example.com/minilm/tokenizer.json --tokenizer-digest sha256:… \
    --pooling-url https://models.example.com/minilm/1_Pooling/config.json --pooling-digest sha256:…`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := r.load()
			if err != nil {
				return err
			}
			o.Config = cfg
			told := time.Now()
			o.Progress = func(url string, done, all int64) {
				if now := time.Now(); now.Sub(told) >= progressEvery {
					told = now
					r.warn("%s: %s", visible(url), downloadText(done, all))
				}
			}
			directory, fetched, err := app.FetchModel(cmd.Context(), o)
			if err != nil {
				return failed(err)
			}
			return r.put(modelJSON{directory, fetched}, func(w io.Writer) error {
				said := "the files are in"
				if fetched {
					said = "downloaded to"
				}
				_, err := fmt.Fprintf(w, "%s %s\n", said, visible(directory))
				return err
			})
		},
	}
	f := c.Flags()
	only(f, &o.Upstream, "upstream", "the upstream with builtin: docs; may be left out where there is one")
	f.StringVar(&o.Model.URL, "url", "", "where the model is: an ONNX file, https")
	f.StringVar(&o.Model.Digest, "digest", "", "SHA-256 that it must have: sha256: and 64 hex digits")
	f.StringVar(&o.Tokenizer.URL, "tokenizer-url", "", "where its tokenizer.json is, https")
	f.StringVar(&o.Tokenizer.Digest, "tokenizer-digest", "", "SHA-256 that this must have")
	f.StringVar(&o.Pooling.URL, "pooling-url", "", "where its 1_Pooling/config.json is, https; may be left out")
	f.StringVar(&o.Pooling.Digest, "pooling-digest", "", "SHA-256 that this must have")
	c.MarkFlagsRequiredTogether("pooling-url", "pooling-digest")
	for _, name := range []string{"url", "digest", "tokenizer-url", "tokenizer-digest"} {
		_ = c.MarkFlagRequired(name) // they are there
	}
	return c
}

// downloadText is how far a download is.
func downloadText(done, all int64) string {
	const mega = 1e6
	if all < 0 {
		return fmt.Sprintf("%.1f MB", float64(done)/mega)
	}
	return fmt.Sprintf("%.1f of %.1f MB", float64(done)/mega, float64(all)/mega)
}
