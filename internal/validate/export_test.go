package validate

import "context"

// Fits holds a value to a schema as the stage would a result; broken tells that
// the schema cannot be used.
func Fits(ctx context.Context, schema, value []byte) (broken, unfit error) {
	c, err := newChecker(schema, forResults)
	if err != nil {
		return err, nil
	}
	in, err := decode(value)
	if err != nil {
		return nil, err
	}
	return nil, c.check(ctx, in)
}
