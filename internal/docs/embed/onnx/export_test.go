package onnx

// Tokens are the ids of a text's tokens, by a tokenizer.json.
func Tokens(file []byte, text string, most int) ([]int64, error) {
	t, err := readTokenizer(file)
	if err != nil {
		return nil, err
	}
	return t.tokens(text, most), nil
}
