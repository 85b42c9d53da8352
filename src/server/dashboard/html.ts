/**
 * Markup as tagged templates: JSX would have to be compiled where the source runs as it is.
 *
 * @module
 */

import htm from 'htm'
import { h, type VNode } from 'preact'

/** What a component returns. */
export type View = VNode | null

type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode

// Its types are those of a CommonJS package, and say that the function is one level deeper than it is.
export const html: Template = (htm as unknown as { bind(create: typeof h): Template }).bind(h)
