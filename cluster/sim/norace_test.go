//go:build !race

package sim

// raceDetector says that these tests were built with it.
const raceDetector = false
