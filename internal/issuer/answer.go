package issuer

import (
	"errors"
	"fmt"
)

// checkAnswer tells whether an answer is one at all. Two members of one name are
// an answer that is judged, and not a fault of the way to the issuer.
func checkAnswer(raw []byte) error {
	if _, err := readObject(raw, maxPayloadDepth); err != nil && !errors.Is(err, errTwice) {
		return fmt.Errorf("the issuer's answer %w", err)
	}
	return nil
}

// judgeAnswer judges an answer to introspection. Only the literal true is yes,
// and every claim that a JWT must have must be there too, but iat (AUT-24,
// AUT-25, AUT-26, A18).
func (a *authority) judgeAnswer(raw []byte, r request) (Token, error) {
	c, err := readObject(raw, maxPayloadDepth)
	if err != nil {
		return Token{}, invalid("the issuer's answer " + err.Error())
	}
	switch c["active"].Kind() {
	case 't':
		return a.judge(c, r)
	case 'f':
		return Token{}, invalid("the issuer says that the token is not active")
	default:
		return Token{}, invalid("the issuer does not say whether the token is active")
	}
}
