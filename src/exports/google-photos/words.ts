/**
 * The words that Takeout writes in the language of the account.
 *
 * Google translates folder and file names, and no list of them is complete; so every word here is only a fast
 * path or a hint, and the content of the JSON files decides wherever it can. Sources and how sure each word is:
 * `docs/formats/google-takeout.md`.
 *
 * @module
 */

/** The folder that holds everything of Google Photos. */
const CONTAINERS: readonly string[] = [
  'Google Photos', // en, fr, pt, pl and others
  'Google Foto', // it
  "Google Foto's", // nl
  'Google Fotos', // de, es
  'Fotky Google', // sk
  'Google Fotky', // cs
  'Google Фото', // ru
  'Google Снимки', // bg
  'Google Fotók', // hu
  'Google Kuvat', // fi
  'Google Fotoğraflar', // tr
  'Google フォト', // ja
  'Google 相册', // zh-CN
  'Google 相簿', // zh-TW
  'Google 相片', // zh-HK
  'Google 포토', // ko
]

/** `Photos from 2019` and its translations: the whole name, with one year of four digits. */
const YEAR_FOLDERS: readonly RegExp[] = [
  /^photos from (?<year>\d{4})$/u,
  /^fotos (?:von|aus) (?<year>\d{4})$/u, // de
  /^fotos (?:de|del|do|da) (?<year>\d{4})$/u, // es, pt
  /^photos (?:de|du) (?<year>\d{4})$/u, // fr
  /^foto (?:del|di) (?<year>\d{4})$/u, // it
  /^foto['’]s (?:uit|van) (?<year>\d{4})$/u, // nl
  /^zdjęcia z (?<year>\d{4})(?: r\.)?$/u, // pl
  /^(?:фото|фотографии) (?:за|из|с) (?<year>\d{4})(?: г(?:ода|\.)?)?$/u, // ru
  /^(?<year>\d{4}) ?年の写真$/u, // ja
  /^(?<year>\d{4}) ?年的(?:照片|相片)$/u, // zh
  /^(?<year>\d{4}) ?년의 사진$/u, // ko
]

/** What follows the dash in the name of an edited copy. */
export const EDITED_WORDS: readonly string[] = [
  'edited', // en
  'bearbeitet', // de
  'modifié', // fr
  'modificato', // it
  'modificata', // it
  'ha editado', // es
  'editado', // es, pt
  'editada', // pt
  'editat', // ca
  'bewerkt', // nl
  'edytowane', // pl
  '編集済み', // ja
  '编辑', // zh-CN
  '已修改', // zh-CN
  '已編輯', // zh-TW
  'измененный', // ru
  'отредактировано', // ru
  'muokattu', // fi
  'düzenlendi', // tr
  'redigeret', // da
  'redigert', // no
  'redigerad', // sv
  'upravené', // sk
  'upraveno', // cs
  'відредаговано', // uk
  '편집됨', // ko
]

/** What follows the dash in the name of a picture that Google made of others. Always English. */
export const EFFECT_WORDS: readonly string[] = ['effects', 'motion', 'animation', 'smile', 'collage', 'mix']

/** Names of albums that were never given one, before the counter. */
const UNTITLED: readonly string[] = [
  'untitled',
  'unbenannt',
  'ohne titel',
  'sin título',
  'sans titre',
  'senza titolo',
  'sem título',
  'zonder titel',
  'bez tytułu',
  'без названия',
  'nimetön',
  'adsız',
  '無題',
  '未命名',
  '无标题',
  'sense títol',
  'nem mentett dokumentum',
]

/** Folders that are a state of their pictures and no album. */
const SPECIAL_FOLDERS: ReadonlyMap<string, SpecialFolder> = new Map([
  ...words('archive', [
    'archive',
    'archivo',
    'arquivo',
    'archiv',
    'archivio',
    'archief',
    'archiwum',
    'archives',
    'архив',
    'arkisto',
    'arşiv',
    'arkiv',
    'アーカイブ',
    '归档',
    '封存',
    '보관함',
  ]),
  ...words('trash', [
    'trash',
    'bin',
    'papelera',
    'lixeira',
    'reciclagem',
    'corbeille',
    'papierkorb',
    'cestino',
    'prullenbak',
    'kosz',
    'корзина',
    'roskakori',
    'çöp kutusu',
    'papperskorgen',
    'papirkurv',
    'kôš',
    'koš',
    '回收站',
    '垃圾桶',
    'ゴミ箱',
    '휴지통',
  ]),
  ...words('locked', [
    'locked folder',
    'gesperrter ordner',
    'carpeta privada',
    'pasta com bloqueio',
    'dossier verrouillé',
    'cartella bloccata',
    'vergrendelde map',
    'folder zablokowany',
    'личная папка',
    'ロックされたフォルダ',
    '锁定的文件夹',
    '已鎖定的資料夾',
    '잠긴 폴더',
  ]),
  ...words('failed', ['failed videos']),
])

/** Album files by name; only a hint, since any JSON with a title and without a time describes an album. */
const ALBUM_FILES: ReadonlySet<string> = new Set([
  'metadata',
  'métadonnées',
  'metadatos',
  'metadades',
  'metadaten',
  'metadati',
  'metagegevens',
  'metadáta',
  'метаданные',
  'метаданни',
  'metaadatok',
  'メタデータ',
  '元数据',
  '메타데이터',
])

/** Album-less files that describe the account and no picture. */
const SERVICE_FILES: ReadonlySet<string> = new Set([
  'print-subscriptions',
  'shared_album_comments',
  'commentaires_albums_partagés',
  'user-generated-memory-titles',
])

export type SpecialFolder = 'archive' | 'trash' | 'locked' | 'failed'

const CONTAINER_KEYS = new Set(CONTAINERS.map(wordKey))

/** True for `Google Photos` in any known language. */
export function isContainer(folder: string): boolean {
  return CONTAINER_KEYS.has(wordKey(folder))
}

/** 2019 for `Photos from 2019` in a known language. */
export function yearOfFolder(folder: string): number | undefined {
  const key = wordKey(folder)
  for (const pattern of YEAR_FOLDERS) {
    const year = pattern.exec(key)?.groups?.['year']
    if (year !== undefined) return Number(year)
  }
  return undefined
}

/** The only year of four digits in a folder's name of any language: a hint, to be checked against its files. */
export function lonelyYear(folder: string): number | undefined {
  const years = folder.match(/(?<!\d)(?:18|19|20)\d{2}(?!\d)/gu) ?? []
  return years.length === 1 ? Number(years[0]) : undefined
}

/** What being in this folder says of a picture. */
export function specialFolder(folder: string): SpecialFolder | undefined {
  return SPECIAL_FOLDERS.get(wordKey(folder))
}

/** True for `Untitled(3)` in any known language. */
export function isUntitled(folder: string): boolean {
  return UNTITLED.includes(wordKey(folder.replace(/\s*\(\d+\)\s*$/u, '')))
}

/** True for `metadata(1).json` in any known language. */
export function isAlbumFileName(name: string): boolean {
  return ALBUM_FILES.has(jsonStem(name))
}

/** True for the files about the account that Takeout puts beside the albums. */
export function isServiceFileName(name: string): boolean {
  return SERVICE_FILES.has(jsonStem(name))
}

function jsonStem(name: string): string {
  return wordKey(name.replace(/(?:\(\d+\))?\.json$/iu, ''))
}

function wordKey(text: string): string {
  return text.normalize('NFC').trim().toLowerCase()
}

function words(kind: SpecialFolder, names: readonly string[]): [string, SpecialFolder][] {
  return names.map((name) => [wordKey(name), kind])
}
