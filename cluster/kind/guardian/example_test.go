package guardian_test

import (
	"errors"
	"fmt"

	"github.com/seatrial/seatrial/cluster/kind/guardian"
)

// A refusal keeps its meaning on its way over the connection.
func ExampleRefusal() {
	err := fmt.Errorf("freezing a node: %w", &guardian.Refusal{Code: "revoked", Message: "action 7 was revoked"})
	fmt.Println(err)
	fmt.Println(errors.Is(err, guardian.ErrRevoked))
	// Output:
	// freezing a node: action 7 was revoked
	// true
}
