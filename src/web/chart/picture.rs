//! The bars alone as a PNG, for letters: programs that read them show no SVG. Pure.

use crate::web::chart::Mark;
use crate::web::chart::bars;
use crate::web::chart::canvas::Canvas;

/// Height of a line: a bar, and the one before it below.
const LINE: u32 = 24;
const BAR: f64 = 14.0;
const THIN: f64 = 4.0;

/// Most bars of a picture; a letter says the rest in its table.
const BARS_MAX: usize = 40;

/// The widest picture.
const WIDTH_MAX: u32 = 1_200;

/// Draws a bar for each mark, the period before below it, and no text: names and numbers stand beside it in the letter.
///
/// The answer is a PNG, `width` pixels wide; empty where nothing can be drawn.
pub fn picture(marks: &[Mark], width: u32) -> Vec<u8> {
    let marks: Vec<Mark> = marks.iter().take(BARS_MAX).map(Mark::drawable).collect();
    let width = width.clamp(16, WIDTH_MAX);
    let lines = u32::try_from(marks.len().max(1)).unwrap_or(1);
    let height = lines * LINE + 4;
    let Ok(bytes) = usize::try_from(width * height * 3) else {
        return Vec::new();
    };
    let mut pixels = vec![0; bytes];
    {
        let canvas = Canvas::bitmap(&mut pixels, (width, height));
        let per_unit = (canvas.width - 4.0) / bars::most(&marks);
        let mut y = 4.0;
        for mark in &marks {
            bars::one(&canvas, mark, (0.0, y), (BAR, THIN), per_unit);
            y += f64::from(LINE);
        }
    }
    encode(&pixels, (width, height)).unwrap_or_default()
}

fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn bars_are_as_long_as_what_they_show() {
        let mark = |value, before| Mark {
            value: Some(value),
            before,
            ..Mark::default()
        };
        let file = picture(&[mark(100.0, None), mark(50.0, Some(100.0))], 204);
        let (width, height, pixels) = decoded(&file);
        assert_eq!((width, height), (204, 52));
        let row = |y: usize| &pixels[y * 204 * 3..(y + 1) * 204 * 3];
        let inked = |y| row(y).chunks(3).filter(|pixel| *pixel != [255; 3]).count();
        assert!((199..=202).contains(&inked(10)), "{}", inked(10));
        assert!((99..=102).contains(&inked(34)), "{}", inked(34));
        assert!((199..=202).contains(&inked(45)), "{}", inked(45));
        assert_eq!(inked(1), 0);
    }

    #[test]
    fn nothing_and_too_much_are_still_a_picture() {
        assert_eq!(decoded(&picture(&[], 100)).0, 100);
        let odd = Mark {
            value: Some(f64::NAN),
            before: Some(f64::INFINITY),
            ..Mark::default()
        };
        let (width, height, _) = decoded(&picture(&vec![odd; 1_000], 100_000));
        assert_eq!((width, height), (1_200, 40 * 24 + 4));
    }
}
