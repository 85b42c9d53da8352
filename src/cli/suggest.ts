/**
 * "Did you mean …" for words of the command line.
 *
 * @module
 */

export { didYouMean, findNearest } from '../suggest.ts'
