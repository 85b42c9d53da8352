import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { MetadataPatch } from '../metadata.ts'
import { BrokenXmpError } from './xmp-packet.ts'
import { readXmp } from './xmp-reader.ts'
import { createXmpSidecar, patchXmp } from './xmp-writer.ts'

const RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'

/** A packet around the inside of its `rdf:RDF`. */
function packet(inside: string): string {
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Test"><rdf:RDF ${RDF}>${inside}</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`
}

/** What Lightroom, a Pixel and an Ultra HDR camera would leave behind, none of which is understood here. */
const FOREIGN = packet(`
<rdf:Description rdf:about="uuid:1" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+0.35" crs:Name="a\u2028b\u0085c">
 <crs:Note>a&#13;b</crs:Note><crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurvePV2012>
</rdf:Description>
<rdf:Description rdf:about="uuid:1" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" GCamera:MicroVideo="1" GCamera:MicroVideoOffset="4711" hdrgm:Version="1.0"
 xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF">
 <Container:Directory xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/">
  <rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Length="123"/></rdf:li></rdf:Seq>
 </Container:Directory>
</rdf:Description>`)

const patches: fc.Arbitrary<MetadataPatch> = fc.record({
  caption: fc.string({ unit: 'binary', maxLength: 40 }),
  people: fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 4 }),
  keywords: fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 4 }),
  hierarchicalKeywords: fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 }),
  originalName: fc.string({ unit: 'binary', maxLength: 30 }),
  rating: fc.integer({ min: 1, max: 5 }),
})

describe('patchXmp', () => {
  for (const [name, existing] of [
    ['a new packet', undefined],
    ['an existing packet', FOREIGN],
  ] as const) {
    test(`whatever is written into ${name} is well-formed, and needs no second writing`, () => {
      fc.assert(
        fc.property(patches, (patch) => {
          const written = patchXmp(existing, patch) ?? ''
          const read = readXmp(written)
          assert.equal(read.rating, patch.rating)
          assert.equal(patchXmp(written, patch), undefined)
        }),
        { numRuns: 80 },
      )
    })

    test(`what is written into ${name} is read again`, () => {
      const written = patchXmp(existing, {
        taken: { local: '2014-05-01T12:30:00.120', at: 0, offsetMinutes: -210 },
        position: { latitude: -33.8568, longitude: 151.2153, altitudeM: -12.5 },
        caption: 'Grüße & <b>"mehr"</b>\nzweite\tZeile',
        people: ['Zoë', 'Bob & Co', 'Zoë'],
        keywords: ['a|b'],
        rating: 4,
        originalName: 'IMG "1" <2>.jpg',
      })
      const { taken, motionPhoto, ...read } = readXmp(written ?? '')
      assert.equal(motionPhoto, existing === undefined ? undefined : true)
      assert.deepEqual(read, {
        position: { latitude: -33.8568, longitude: 151.2153, altitudeM: -12.5 },
        caption: 'Grüße & <b>"mehr"</b>\nzweite\tZeile',
        people: ['Zoë', 'Bob & Co'],
        keywords: ['a|b'],
        rating: 4,
        originalName: 'IMG "1" <2>.jpg',
      })
      assert.deepEqual(
        taken.map(({ detail, local, offsetMinutes }) => [detail, local, offsetMinutes]),
        ['exif:DateTimeOriginal', 'photoshop:DateCreated', 'xmp:CreateDate'].map((name) => [
          `XMP-${name}`,
          '2014-05-01T12:30:00.120',
          -210,
        ]),
      )
    })
  }

  test('leaves everything that it does not know as it is', () => {
    const written = patchXmp(FOREIGN, { caption: 'a caption', people: ['Zoë'], rating: 5 }) ?? ''
    // Without what was added and the declarations for it, the packet is the old one again.
    const without = written
      .replace(/<dc:description.*<\/dc:description>/su, '')
      .replace(/<Iptc4xmpExt:PersonInImage.*<\/Iptc4xmpExt:PersonInImage>/su, '')
      .replaceAll(/ xmp:Rating="5"| xmlns:(?:xmp|dc|Iptc4xmpExt)="[^"]*"/gu, '')
    const plain = (text: string): string => text.replaceAll(/\s+/gu, ' ').replaceAll(' >', '>')
    assert.equal(plain(without), plain(FOREIGN))
  })

  test('never replaces a caption by one that does not contain it', () => {
    const own = patchXmp(undefined, { caption: 'Mum' })
    assert.equal(patchXmp(own, { caption: 'Dad' }), undefined)
    assert.equal(readXmp(patchXmp(own, { caption: 'Mum\n\nDad' }) ?? '').caption, 'Mum\n\nDad')
  })

  test('adds to lists in whatever form they are', () => {
    const forms = [
      '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:subject="sea"/>',
      '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject>sea</dc:subject></rdf:Description>',
      '<rdf:Description rdf:about="" xmlns:d="http://purl.org/dc/elements/1.1/"><d:subject><rdf:Seq><rdf:li>sea</rdf:li></rdf:Seq></d:subject></rdf:Description>',
      '<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="urn:other" xmlns:a="http://purl.org/dc/elements/1.1/" a:subject="sea"/>',
    ]
    for (const form of forms) {
      const written = patchXmp(packet(form), { keywords: ['sun', 'sea'] })
      assert.deepEqual(readXmp(written ?? '').keywords, ['sea', 'sun'], form)
    }
  })

  test('gives a zone to the dates that lack one', () => {
    const own = patchXmp(undefined, { taken: { local: '2014-05-01T12:30:00', at: 0 } })
    const dates = readXmp(patchXmp(own, { offsetMinutes: 120 }) ?? '').taken
    assert.deepEqual(
      dates.map(({ offsetMinutes }) => offsetMinutes),
      [120, 120, undefined],
    )
  })

  test('makes no packet of nothing', () => {
    assert.equal(patchXmp(undefined, {}), undefined)
    assert.equal(patchXmp(undefined, { offsetMinutes: 60, caption: ' \u0000 ', people: [''] }), undefined)
  })
})

describe('readXmp', () => {
  test('finds people in regions of both kinds, but no pets', () => {
    const people = readXmp(
      packet(`<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:MP="http://ns.microsoft.com/photo/1.2/" xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#">
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
<rdf:li><rdf:Description mwg-rs:Name="Ann" mwg-rs:Type="Face"/></rdf:li>
<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Ben</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li>
<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>
</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>
<rdf:li><rdf:Description MPReg:PersonDisplayName="Cleo"/></rdf:li>
<rdf:li rdf:parseType="Resource"><MPReg:PersonDisplayName>Dan</MPReg:PersonDisplayName></rdf:li>
</rdf:Bag></MPRI:Regions></rdf:Description></MP:RegionInfo>
</rdf:Description>`),
    ).people
    assert.deepEqual(people.toSorted(), ['Ann', 'Ben', 'Cleo', 'Dan'])
  })

  test('says that the dates are from a sidecar', () => {
    const text = createXmpSidecar({ taken: { local: '2014-05-01T12:30:00', at: 0 } })
    assert.equal(readXmp(text, 'xmp-sidecar').taken[0]?.source, 'xmp-sidecar')
  })

  const hostile: { harm: string; xml: string }[] = [
    { harm: 'a document type', xml: `<!DOCTYPE x [<!ENTITY a "b">]>${FOREIGN}` },
    { harm: 'a document type inside', xml: packet('<!DocType x><rdf:Description/>') },
    { harm: 'an unknown entity', xml: packet('<rdf:Description>&boom;</rdf:Description>') },
    { harm: 'bottomless nesting', xml: packet('<a>'.repeat(100_000) + '</a>'.repeat(100_000)) },
    { harm: 'opening brackets only', xml: '<rdf:RDF'.padEnd(2_000_000, '<') },
    { harm: 'too many characters', xml: packet(' '.repeat(5_000_000)) },
    { harm: 'an unclosed element', xml: packet('<rdf:Description>') },
    { harm: 'no RDF', xml: '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>' },
    { harm: 'nothing', xml: '' },
  ]
  for (const { harm, xml } of hostile) {
    test(`refuses ${harm}, soon`, () => {
      const start = process.cpuUsage()
      assert.throws(() => readXmp(xml), BrokenXmpError)
      assert.throws(() => patchXmp(xml, { rating: 5 }), BrokenXmpError)
      assert.ok(process.cpuUsage(start).user / 1000 < 2000)
    })
  }

  test('gives any text an answer or that error', () => {
    const pieces = fc.constantFrom(
      '<rdf:RDF ',
      RDF,
      '>',
      '</rdf:RDF>',
      '<rdf:Description',
      ' rdf:about=""',
      '/>',
      'é',
      '&#0;',
      '"',
      "='",
      '<!--',
      ']]>',
    )
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        try {
          readXmp(parts.join(''))
        } catch (error) {
          assert.ok(error instanceof BrokenXmpError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('createXmpSidecar', () => {
  test('repeats what the file says where the patch is silent', () => {
    const text = createXmpSidecar(
      { offsetMinutes: 120, people: ['Bob'], keywords: ['Summer'] },
      {
        taken: [
          { source: 'embedded', detail: 'GPSDateTime', at: 0, precision: 'second' },
          {
            source: 'embedded',
            detail: 'DateTimeOriginal',
            local: '2014-05-01T12:30:00',
            precision: 'second',
          },
        ],
        position: { latitude: 1.5, longitude: -2.25 },
        caption: 'Mum',
        people: ['Ann'],
        keywords: ['sea', 'Album|Sea'],
      },
    )
    const { taken, ...read } = readXmp(text)
    assert.equal(taken[0]?.local, '2014-05-01T12:30:00')
    assert.equal(taken[0]?.offsetMinutes, 120)
    assert.deepEqual(read, {
      position: { latitude: 1.5, longitude: -2.25 },
      caption: 'Mum',
      people: ['Ann', 'Bob'],
      keywords: ['sea', 'Summer', 'Album|Sea'],
    })
  })
  test('is a readable packet even of nothing', () => {
    assert.deepEqual(readXmp(createXmpSidecar({})), { taken: [], people: [], keywords: [] })
  })
})
